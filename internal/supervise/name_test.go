package supervise_test

import (
	"testing"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// Components are made meanwhile, but none starts before it can find the others by name.
func TestNoComponentStartsBeforeTheOthersNamesAreKnown(t *testing.T) {
	play(t, []pod.Component{app("db"), app("web", started("db"))}, func(s *scene) {
		named, began := make(chan struct{}), time.Now()
		time.AfterFunc(5*time.Second, func() { close(named) })
		s.with = func(c *supervise.Config) { c.Named = named }
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		for _, e := range s.events {
			took := e.At.Sub(began)
			if early := e.Kind == event.Created || e.Component == "pause"; (e.Kind == event.Created || e.Kind == event.Started) && early != (took < 5*time.Second) {
				t.Errorf("%s of %s after %s", e.Kind, e.Component, took)
			}
		}
	})
}

// Who is asked to stop waits for no names.
func TestAPodStopsThoughNamesAreNotKnownYet(t *testing.T) {
	play(t, []pod.Component{app("db")}, func(s *scene) {
		s.with = func(c *supervise.Config) { c.Named = make(chan struct{}) }
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		for _, e := range s.events {
			if e.Kind == event.Started && e.Component != "pause" {
				t.Errorf("%s was started", e.Component)
			}
		}
	})
}
