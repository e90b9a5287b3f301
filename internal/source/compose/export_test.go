package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// Loaded is what the loader makes of a service, before it becomes a component.
func Loaded(s Service, own Own) (types.ServiceConfig, pod.Problems) {
	r := newReader(s, own, false)
	loaded := sieve{r.Service, r.report}.load(r.definition())
	return loaded, r.problems
}

// A Place is one of the schema where a service has a scalar.
type Place struct {
	// Path leads to it: 0 is an item of a list, * an entry whose name is the user's.
	Path []string
	// Required are the keys that the mapping around it needs beside it.
	Required []string
}

// Scalars are the places of all scalars below a key of a service, in order.
func Scalars(key string) []Place {
	return scalars(serviceShape().at(key), []string{key}, nil)
}

func scalars(s shape, path, required []string) (all []Place) {
	if slices.ContainsFunc(s, func(d *definition) bool {
		return slices.ContainsFunc(d.Type, func(t string) bool { return t != "object" && t != "array" && t != "null" })
	}) {
		all = append(all, Place{slices.Clone(path), required})
	}
	for _, d := range s {
		for _, name := range slices.Sorted(maps.Keys(d.Properties)) {
			all = append(all, scalars(shapeOf(d.Properties[name]), append(slices.Clone(path), name), d.Required)...)
		}
		for _, pattern := range slices.Sorted(maps.Keys(d.PatternProperties)) {
			if pattern != "^x-" {
				all = append(all, scalars(shapeOf(d.PatternProperties[pattern]), append(slices.Clone(path), "*"), d.Required)...)
			}
		}
		if d.AdditionalProperties.definition != nil {
			all = append(all, scalars(shapeOf(d.AdditionalProperties.definition), append(slices.Clone(path), "*"), d.Required)...)
		}
		if d.Items != nil {
			all = append(all, scalars(shapeOf(d.Items), append(slices.Clone(path), "0"), nil)...)
		}
	}
	return all
}
