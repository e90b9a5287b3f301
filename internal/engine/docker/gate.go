package docker

import (
	"errors"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/versions"

	"github.com/podlike/podlike/internal/engine"
)

// A need is something that not every engine can do.
type need struct {
	what string
	api  string // the version of the API that has it
	from string // the first Docker Engine with that
	here bool   // whether it is asked for
}

// needs are those of a container. Without a check here an older engine would leave
// out what it does not know, and say nothing.
func needs(c engine.Container) []need {
	mounted := func(with func(engine.Mount) bool) bool { return slices.ContainsFunc(c.Mounts, with) }
	return []need{
		{"annotations", "1.43", "24.0", len(c.Annotations) > 0},
		{"healthcheck.start_interval", "1.44", "25.0", c.Health != nil && c.Health.StartInterval > 0},
		{"a volume's bind.recursive: readonly", "1.44", "25.0", mounted(func(m engine.Mount) bool { return m.Recursive == "readonly" })},
		{"a volume's volume.subpath", "1.45", "26.0", mounted(func(m engine.Mount) bool { return m.Subpath != "" })},
	}
}

// lacks tells all that a container needs and the engine does not have.
func (d *Engine) lacks(c engine.Container) error {
	var missing []error
	for _, n := range needs(c) {
		if n.here && versions.LessThan(d.api.ClientVersion(), n.api) {
			missing = append(missing, fmt.Errorf("%s: not before Docker Engine %s (API %s), and here is API %s", n.what, n.from, n.api, d.api.ClientVersion()))
		}
	}
	return errors.Join(missing...)
}
