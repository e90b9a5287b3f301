package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// dependencies are what the service depends on.
func dependencies(all types.DependsOnConfig) []pod.Dependency {
	var dependencies []pod.Dependency
	for _, other := range slices.Sorted(maps.Keys(all)) {
		on := all[other]
		dependencies = append(dependencies, pod.Dependency{
			Name: other, Condition: pod.Condition(on.Condition), Optional: !on.Required, Restart: on.Restart,
		})
	}
	return dependencies
}
