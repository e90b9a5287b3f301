package compose

import (
	"math"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// A healthReader reads the check that the engine makes of a component.
type healthReader struct{ *report }

// health is the component's own check, nil when the service says nothing of it.
func (r healthReader) health(h *types.HealthCheckConfig) *pod.Health {
	switch {
	case h == nil:
		return nil
	case h.Disable || isNoTest(h.Test):
		return &pod.Health{Disable: true}
	}
	return &pod.Health{
		Test:          r.test(h.Test),
		Interval:      orElse(h.Interval, 0),
		Timeout:       orElse(h.Timeout, 0),
		StartPeriod:   orElse(h.StartPeriod, 0),
		StartInterval: orElse(h.StartInterval, 0),
		Retries:       r.retries(h.Retries),
	}
}

// retries is how often the test may fail in a row, zero when the service does not say.
func (r healthReader) retries(given *uint64) int {
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
func (r healthReader) test(test []string) []string {
	if len(test) == 0 {
		return nil
	}
	if known := test[0] == "CMD" || test[0] == "CMD-SHELL"; !known || len(test) == 1 {
		r.mustBe("healthcheck.test", forms["healthcheck.test"], test)
	}
	return test
}
