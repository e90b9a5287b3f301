// Package dockertest gives a test a scope on a real Docker engine: it labels all
// it makes, tells what failed containers had to say, and removes exactly its own.
//
// It never skips. A test that needs an engine fails where none answers, with one
// line that says so. It never removes what it did not make, so it may run on an
// engine that others use at the same time.
package dockertest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
)

// The images of this project that tests run. `make images testkit` builds them.
const (
	Testkit    = "podlike/testkit:dev"
	Pause      = "podlike/pause:dev"
	Supervisor = "podlike/supervisor:dev"
)

// Label is on everything a scope makes; its value is the scope's own.
const Label = "podlike.test"

// patience is how long any one call to the engine may take, waiting for a
// container's end included. It is there to end a test that hangs, not to measure.
const patience = 2 * time.Minute

// An Engine is one test's scope on the real engine. Its methods may be called
// from several goroutines, as far as t allows that.
type Engine struct {
	cli *client.Client
	id  string

	mu       sync.Mutex
	owners   map[string]bool // IDs of containers made here, also of those long gone
	services map[string]bool // IDs of Swarm services made here and not yet removed
	stacks   []string        // names of stacks deployed here, also of those removed
	closers  []func()        // end what waits for the engine, once all is removed
	leave    func() error    // undoes Swarm; nil when there is nothing to undo
	waits    sync.WaitGroup  // the goroutines that wait for containers to exit
}

// New opens a scope on the engine that the environment names (DOCKER_HOST and so
// on), and closes it when the test is over. It fails the test at once when no
// engine answers.
func New(t testing.TB) *Engine {
	t.Helper()
	cli, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("cannot use the engine that the environment names: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := cli.Ping(ctx); err != nil {
		t.Fatalf("no Docker engine answers at %s; start one, or name one in DOCKER_HOST: %v", cli.DaemonHost(), err)
	}

	e := &Engine{cli: cli, id: random(), owners: map[string]bool{}, services: map[string]bool{}}
	t.Cleanup(func() { e.close(t) })
	return e
}

// Client is the engine's client, for what this package has no word for. Whatever
// is made with it has to carry Labels to be removed.
func (e *Engine) Client() *client.Client { return e.cli }

// Labels are what marks a thing as this scope's own, added to more.
func (e *Engine) Labels(more map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range more {
		all[key] = value
	}
	all[Label] = e.id
	return all
}

// mine selects what carries this scope's label.
func (e *Engine) mine() filters.Args { return labelled(Label, e.id) }

// labelled selects what carries a label with that value.
func labelled(key, value string) filters.Args {
	return filters.NewArgs(filters.Arg("label", key+"="+value))
}

// atEnd has f called when everything of the scope is removed.
func (e *Engine) atEnd(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closers = append(e.closers, f)
}

// bounded is a context for one call. It does not come from the test, whose own
// context is over before its cleanup runs.
func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// random is a short name that no one else has.
func random() string { return strings.ToLower(rand.Text()[:12]) }
