package fake

import (
	"errors"
	"fmt"

	"github.com/podlike/podlike/internal/engine"
)

// What happens to a container from outside, and not by way of the engine, a test says by
// the container's name. What its own program says comes to the same.

// named finds a container by its name.
func (e *Engine) named(name string) (c *container, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.findLocked(engine.ID(name))
	return c, err == nil
}

// SetHealth has the health check of the container with that name find h from now on.
func (e *Engine) SetHealth(name string, h engine.Health) {
	if c, ok := e.named(name); ok {
		c.setHealth(h)
	}
}

// FailCheck has the test of the health check of the container with that name end with a
// code, having printed something, often enough to be unhealthy from now on.
func (e *Engine) FailCheck(name string, code int, said string) {
	if c, ok := e.named(name); ok {
		c.failCheck(code, said)
	}
}

// Starve is what happens from outside: the kernel kills something in the container
// with that name for lack of memory.
func (e *Engine) Starve(name string) {
	if c, ok := e.named(name); ok {
		c.starve()
	}
}

// Kill is what happens from outside, and not by way of the engine: SIGKILL to a
// container's process, by the container's name. It returns at once.
func (e *Engine) Kill(name string) {
	if c, ok := e.named(name); ok {
		c.die()
	}
}

// failCheck has a check fail, unless its test cannot be run at all: then it fails of that.
func (c *container) failCheck(code int, said string) {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	found := engine.FailedCheck{Code: code, Said: said}
	if c.Health != nil && len(c.Health.Test) > 1 {
		argv := c.Health.Test[1:]
		if found.Shell = c.Health.Test[0] == "CMD-SHELL"; found.Shell {
			argv = []string{"/bin/sh", "-c", argv[0]}
		}
		if _, err := c.image.program(argv); err != nil {
			found.Code, found.Said, found.NoCommand = -1, fmt.Sprintf("cannot run %s: %v", argv[0], err), errors.Is(err, engine.ErrNoCommand)
		}
	}
	if c.running && c.checked() {
		c.failedCheck = found
		c.turnLocked(engine.Unhealthy)
	}
}

// setHealth is failCheck for a test that says nothing, or what comes of one that passes.
func (c *container) setHealth(h engine.Health) {
	if h == engine.Unhealthy {
		c.failCheck(1, "")
		return
	}
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	if c.running && c.checked() {
		c.turnLocked(h)
	}
}

// turnLocked tells those who watch what has changed.
func (c *container) turnLocked(h engine.Health) {
	if c.health != h {
		c.health = h
		c.showLocked(engine.Sign{Kind: engine.SignHealth, Health: h})
	}
}

// starve has something in it be killed for lack of memory.
func (c *container) starve() {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	if c.running {
		c.starved = true
		c.showLocked(engine.Sign{Kind: engine.SignOOM})
	}
}

// die has its process be killed.
func (c *container) die() {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	if c.running {
		c.killLocked()
	}
}

// checked reports whether there is a health check.
func (c *container) checked() bool {
	if c.Health == nil || len(c.Health.Test) == 0 {
		return c.image.Checked
	}
	return c.Health.Test[0] != "NONE"
}
