package enginetest

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// port is the suite of laws that hold for several parts of the port.
type port struct{ *suite }

// portLaws are its laws, by the names of their subtests.
var portLaws = map[string]func(port){
	"WhatIsNotThereIsNotFound":    port.notFound,
	"EveryCallEndsWithItsContext": port.contexts,
}

func (s port) notFound() {
	const none = "podlike-test-none"
	ctx := s.Context()
	_, err := s.Inspect(ctx, none)
	s.is(err, engine.ErrNotFound, "Inspect")
	_, err = s.Image(ctx, Missing)
	s.is(err, engine.ErrNotFound, "Image")
	_, err = s.Image(ctx, "NONE/none") // a host to some engines, and no name at all to others
	s.is(err, engine.ErrNotFound, "Image")
	_, err = s.Volume(ctx, none)
	s.is(err, engine.ErrNotFound, "Volume")
	_, err = s.Wait(ctx, none)
	s.is(err, engine.ErrNotFound, "Wait")
	_, err = s.Engine.Log(ctx, none, false, time.Time{})
	s.is(err, engine.ErrNotFound, "Log")
	if _, err = s.Attach(ctx, none, engine.Container{}); err == nil {
		s.Error("attached to nothing")
	}
	s.is(s.Start(ctx, none), engine.ErrNotFound, "Start")
	s.is(s.Put(ctx, none, "/", new(bytes.Buffer)), engine.ErrNotFound, "Put")

	c := s.kit("sleep")
	c.Image = Missing
	_, _, err = s.Create(ctx, c)
	s.is(err, engine.ErrNotFound, "Create of a missing image")
	s.vanishes(c.Name)
}

func (s port) contexts() {
	id := s.create(s.kit("ignore"))
	ctx, cancel := context.WithCancel(s.Context())
	end, err := s.Wait(ctx, id)
	s.must(err)
	s.must(s.Start(ctx, id))
	var calls sync.WaitGroup
	for name, call := range map[string]func() error{
		"Exec": func() error {
			_, err := s.Exec(ctx, id, engine.Exec{Command: []string{"/testkit", "ignore"}})
			return err
		},
		"Watch": func() error { return s.Watch(ctx, s.Labels, func(engine.Sign) {}) },
	} {
		calls.Go(func() {
			if err := call(); err == nil {
				s.Errorf("%s returned without an error", name)
			}
		})
	}
	cancel()
	calls.Wait()
	s.is((<-end).Err, context.Canceled, "Wait")
	if _, _, err := s.Create(ctx, s.kit("sleep")); err == nil {
		s.Error("created when ctx was done")
	}
	s.must(s.Remove(s.Context(), id))
}
