package state

import (
	"errors"
	"fmt"

	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
)

// Meets reports whether a component is as others wait for it to be, or why it can no
// longer be.
func (c *Component) Meets(condition pod.Condition) (bool, error) {
	switch condition {
	case pod.Healthy:
		return c.meetsHealth()
	case pod.Completed:
		if c.State.Over() && c.Ended.Failed() {
			return false, fmt.Errorf("it has not completed successfully, and another component waits for that: %s", c.Ended)
		}
		return c.State == lifecycle.Done, nil
	}
	if c.State.Over() && !c.Started {
		return false, fmt.Errorf("it has not begun, and another component waits for that: %s", c.Ended)
	}
	return c.Started, nil
}

func (c *Component) meetsHealth() (bool, error) {
	switch {
	case c.State.Over():
		return false, fmt.Errorf("another component waits for its health: %s", c.Ended)
	case c.State != lifecycle.Running:
		return false, nil
	case !c.Checked && !c.Probed:
		return false, errors.New("it has no health check, and another component waits for its health: give it a healthcheck, or depend on service_started")
	case c.Checked && c.Health == lifecycle.Unhealthy && c.Examined: // who gives up says why
		return false, nil
	case c.Checked && c.Health == lifecycle.Unhealthy:
		return false, errors.New(because("it is unhealthy, and another component waits for its health", c.WhyUnhealthy))
	}
	return c.IsReady(), nil
}

// because adds why that is, where it is known.
func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}
