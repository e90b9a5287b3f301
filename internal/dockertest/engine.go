// Package dockertest gives a test a scope on a real Docker engine: it labels all
// it makes, tells what failed containers had to say, and removes exactly its own.
//
// It never skips. A test that needs an engine fails where none answers, with one
// line that says so. It never removes what it did not make, so it may run on an
// engine that others use at the same time. A Proxy makes the engine a bad one, for who goes through it only.
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

// An Engine is one test's scope on the real engine: it makes what the test asks for, and
// at the end tells of it and removes it. Its methods may be called from several
// goroutines, as far as t allows that.
type Engine struct {
	*session // with the engine, by which all else is done
	mark     // on all that is made here
	images   // that containers are made of
	pods     // of the supervisors that run here
	cluster  // for what Swarm runs

	mu     sync.Mutex
	owners map[string]bool // IDs of containers made here, also of those long gone
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

	e := scopeOn(cli, mark(random()))
	t.Cleanup(func() { e.close(t) })
	return e
}

// scopeOn is a scope that nothing was made in yet. Whoever opens it has to close it.
func scopeOn(cli *client.Client, own mark) *Engine {
	s := &session{node: node{cli}}
	return &Engine{
		session: s,
		mark:    own,
		images:  images{node: s.node, mark: own},
		pods:    pods{session: s},
		cluster: cluster{node: s.node, mark: own, services: map[string]bool{}},
		owners:  map[string]bool{},
	}
}

// A mark tells what is a scope's own: it is the value of Label on that.
type mark string

// Labels are what marks a thing as this scope's own, added to more.
func (m mark) Labels(more map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range more {
		all[key] = value
	}
	all[Label] = string(m)
	return all
}

// mine selects what carries this scope's label.
func (m mark) mine() filters.Args { return labelled(Label, string(m)) }

// labelled selects what carries a label with that value.
func labelled(key, value string) filters.Args {
	return filters.NewArgs(filters.Arg("label", key+"="+value))
}

// bounded is a context for one call. It does not come from the test, whose own
// context is over before its cleanup runs.
func bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// random is a short name that no one else has.
func random() string { return strings.ToLower(rand.Text()[:12]) }
