package enginetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// commands is the suite of engine.Commands.
type commands struct{ *suite }

// commandLaws are its laws, by the names of their subtests.
var commandLaws = map[string]func(commands){
	"ExecReturnsTheCode":       commands.execCode,
	"ExecPassesOutputOn":       commands.execOutput,
	"ExecEndsWithItsContext":   commands.execContext,
	"ExecEndsWithItsContainer": commands.execContainer,
}

func (s commands) execCode() {
	id, _ := s.begin(s.kit("sleep"))
	for _, want := range []int{0, 1, 7, 255} {
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{"/testkit", "exit", strconv.Itoa(want)}})
		if code != want || err != nil {
			s.Errorf("got %d, %v, want %d", code, err, want)
		}
	}
	for _, command := range []string{"/nope", "/"} {
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{command}})
		if code != 126 && code != 127 || err != nil { // old engines do not tell them apart
			s.Errorf("%s: got %d, %v", command, code, err)
		}
	}
	command := engine.Exec{Command: []string{"/testkit", "exit", "0"}}
	if _, err := s.Exec(s.Context(), s.create(s.kit("sleep")), command); err == nil {
		s.Error("ran in what does not run")
	}
	_, err := s.Exec(s.Context(), "podlike-test-none", command)
	s.is(err, engine.ErrNotFound, "Exec in no container")
}

func (s commands) execOutput() {
	c := s.kit("sleep")
	c.Env = []string{"CITY=Rome", "DRINK=tea"}
	id, _ := s.begin(c)
	run := func(env []string, command ...string) []string {
		var out bytes.Buffer
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: append([]string{"/testkit"}, command...), Env: env, Output: &out})
		if code != 0 || err != nil {
			s.Errorf("%q: got %d, %v", command, code, err)
		}
		return strings.Split(out.String(), "\n")
	}
	lines := run(nil, "lines", "2", "both")
	slices.Sort(lines)
	if got, want := strings.Join(lines, ","), ",line 1,line 1,line 2,line 2"; got != want {
		s.Errorf("got %q, want %q", got, want)
	}
	env := run([]string{"DRINK=wine"}, "env")
	for _, want := range []string{"CITY=Rome", "DRINK=wine"} {
		if !slices.Contains(env, want) {
			s.Errorf("environment %q, want %s", env, want)
		}
	}
}

func (s commands) execContext() {
	id, _ := s.begin(s.kit("sleep"))
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(s.Context(), time.Second, late)
	defer cancel()
	began := time.Now()
	_, err := s.Exec(ctx, id, engine.Exec{Command: []string{"/testkit", "ignore"}})
	s.is(err, late, "Exec of what does not end")
	if took := time.Since(began); took < time.Second || took > patience/2 {
		s.Errorf("it took %v", took)
	}
	if strings.Contains(err.Error(), "kill") {
		s.Errorf("it may still run: %v", err)
	}
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.Running {
		s.Error("the container has ended with it")
	}
}

func (s commands) execContainer() {
	id, end := s.begin(s.kit("sleep"))
	var running sync.WaitGroup
	running.Go(func() {
		if code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{"/testkit", "ignore"}}); code == 0 && err == nil {
			s.Error("it succeeded")
		}
	})
	s.must(s.Remove(s.Context(), id))
	<-end
	running.Wait()
}
