package compose

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"

	"github.com/podlike/podlike/internal/pod"
)

// component turns what the loader made of the service into a component.
func (r *reader) component(s types.ServiceConfig) pod.Component {
	return pod.Component{
		Name:       r.Name,
		Image:      r.image(s.Image),
		Entrypoint: s.Entrypoint,
		Command:    s.Command,
		Env:        r.environment(s.Environment),
		WorkingDir: s.WorkingDir,
		User:       s.User,
		Labels:     s.Labels,
		TTY:        s.Tty,
		Volumes:    r.volumes(s.Volumes),
		Health:     r.health(s.HealthCheck),
		StopSignal: s.StopSignal,
		StopGrace:  orElse(s.StopGracePeriod, pod.DefaultStopGrace),
		DependsOn:  r.dependencies(s.DependsOn),
	}
}

// image checks that the engine can read the image's name.
func (r *reader) image(image string) string {
	if image == "" {
		return ""
	}
	if _, err := reference.ParseAnyReference(image); err != nil {
		r.wrong("image", "%s is no image reference such as nginx:1.27: %s", Quote(image), strings.TrimPrefix(err.Error(), "invalid reference format: "))
	}
	return image
}

// environment are the variables to set. One that was written without a value has
// the supervisor's, and is not set when the supervisor has none (Compose: environment).
func (r *reader) environment(m types.MappingWithEquals) map[string]string {
	if m == nil {
		return nil
	}
	env := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == "" || strings.Contains(key, "=") {
			r.wrong("environment", "%s is no name of a variable", Quote(key))
			continue
		}
		if given := m[key]; given != nil {
			env[key] = *given
		} else if own, found := r.lookup(key); found {
			env[key] = own
		}
	}
	return env
}

// health is the component's own check, nil when the service says nothing of it.
func (r *reader) health(h *types.HealthCheckConfig) *pod.Health {
	switch {
	case h == nil:
		return nil
	case h.Disable || isNoTest(h.Test):
		return &pod.Health{Disable: true}
	case h.StartInterval != nil:
		r.wrong("healthcheck.start_interval", "not supported yet; leave it out")
	}
	return &pod.Health{
		Test:        r.test(h.Test),
		Interval:    orElse(h.Interval, 0),
		Timeout:     orElse(h.Timeout, 0),
		StartPeriod: orElse(h.StartPeriod, 0),
		Retries:     r.retries(h.Retries),
	}
}

// retries is how often the test may fail in a row, zero when the service does not say.
func (r *reader) retries(given *uint64) int {
	if given == nil {
		return 0
	}
	if *given > math.MaxInt32 {
		r.mustBe("healthcheck.retries", forms["healthcheck.retries"], *given)
	}
	return int(*given)
}

// isNoTest tells whether the test switches the check off: as the list [NONE], or as
// the word alone, of which the loader makes a shell's command.
func isNoTest(test []string) bool {
	return len(test) > 0 && test[0] == "NONE" || slices.Equal(test, []string{"CMD-SHELL", "NONE"})
}

// test is the test as the engine has it, and reported if it could not run it.
func (r *reader) test(test []string) []string {
	if len(test) == 0 {
		return nil
	}
	if known := test[0] == "CMD" || test[0] == "CMD-SHELL"; !known || len(test) == 1 {
		r.mustBe("healthcheck.test", forms["healthcheck.test"], test)
	}
	return test
}

// dependencies are what the service depends on.
func (r *reader) dependencies(all types.DependsOnConfig) []pod.Dependency {
	var dependencies []pod.Dependency
	for _, other := range slices.Sorted(maps.Keys(all)) {
		path, on := "depends_on."+other, all[other]
		condition := pod.Condition(on.Condition)
		if condition != pod.Started && condition != pod.Healthy {
			r.wrong(path, "the condition %s is not supported; use service_started or service_healthy", on.Condition)
			continue
		}
		if on.Restart {
			r.wrong(path, "restart is not supported yet; leave it out")
		}
		if !on.Required {
			r.wrong(path, "required: false is not supported yet; leave it out")
		}
		dependencies = append(dependencies, pod.Dependency{Name: other, Condition: condition})
	}
	return dependencies
}

// orElse is the duration that was given, or else the other one.
func orElse(given *types.Duration, other time.Duration) time.Duration {
	if given == nil {
		return other
	}
	return time.Duration(*given)
}
