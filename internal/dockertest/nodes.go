package dockertest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"

	"github.com/podlike/podlike/internal/nested"
)

// nodesLabel is on the network that nodes have of their own.
const nodesLabel = Label + ".nodes"

// Nodes makes a swarm of nested engines of that version, all of them managers, each with
// this project's images and more of them. They share a scope, so that what one makes the
// others tell of when the test fails; a network of the machine's, that leads nowhere
// else, joins them.
//
// Only one test on this machine has such a swarm at a time; others wait here.
func (e *Engine) Nodes(t testing.TB, version string, count int, images ...string) (all []*Nested) {
	t.Helper()
	release, err := lock(nodesLock())
	if err != nil {
		t.Fatalf("cannot lock the swarm of nested engines: %v", err)
	}
	t.Cleanup(func() { _ = release() })
	own, joined := mark(random()), e.nodesNetwork(t)
	for range count {
		all = append(all, e.nest(t, version, own, joined))
	}
	images = append([]string{Pause, Supervisor, Testkit}, images...)
	e.Need(t, images...)
	ctx, cancel := bounded()
	defer cancel()
	errs := make([]error, count)
	var nodes []nested.Node
	var loading sync.WaitGroup
	for i, n := range all {
		loading.Go(func() { errs[i] = nested.Load(ctx, e.cli, n.cli, images...) })
		nodes = append(nodes, nested.Node{Client: n.cli, Address: n.Address(t)})
	}
	loading.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if err := nested.Swarm(ctx, nodes); err != nil {
		t.Fatal(err)
	}
	return all
}

// nodesLock is the file whose lock goes with the right to have nodes.
func nodesLock() string { return filepath.Join(os.TempDir(), "podlike-test-nodes.lock") }

// nodesNetwork makes a network for nodes, which is removed when they are gone. Those of
// tests that were killed are removed first: whoever holds the lock is the only one who
// may have any.
func (e *Engine) nodesNetwork(t testing.TB) string {
	t.Helper()
	f := filters.NewArgs(filters.Arg("label", nodesLabel))
	Eventually(t, patience, func() (bool, string) { // the last nodes may still be on their way out
		err := e.removeNetworks(f)
		return err == nil, "a killed test's network cannot be removed: " + errorText(err)
	})
	ctx, cancel := bounded()
	defer cancel()
	name := "podlike-test-" + random()
	made := network.CreateOptions{Driver: "bridge", Internal: true, Labels: e.Labels(map[string]string{nodesLabel: "yes"})}
	if _, err := e.cli.NetworkCreate(ctx, name, made); err != nil {
		t.Fatalf("cannot create a network for nodes: %v", err)
	}
	t.Cleanup(func() {
		if err := e.removeNetworks(f); err != nil {
			t.Errorf("cannot remove the network of nodes: %v", err)
		}
	})
	return name
}

// errorText is what an error says, empty for none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Address is where a node is found by the others, and by the machine.
func (n *Nested) Address(t testing.TB) string {
	t.Helper()
	for _, joined := range n.outer.Inspect(t).NetworkSettings.Networks {
		return joined.IPAddress
	}
	t.Fatalf("container %s is in no network", n.outer.Name)
	return ""
}

// Rejoin makes an engine that has left a swarm a manager of that of another one again.
func (n *Nested) Rejoin(t testing.TB, by *Nested) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	err := nested.Node{Client: n.cli, Address: n.Address(t)}.Join(ctx, nested.Node{Client: by.cli, Address: by.Address(t)})
	if err != nil {
		t.Fatal(err)
	}
}

// Cut loses all that comes to a node from the others or goes there, silently, as a broken
// cable does, until Mend.
func (n *Nested) Cut(t testing.TB) { n.rules(t, "-I") }

// Mend undoes Cut.
func (n *Nested) Mend(t testing.TB) { n.rules(t, "-D") }

// rules inserts or deletes the rules of Cut.
func (n *Nested) rules(t testing.TB, what string) {
	t.Helper()
	for _, rule := range []string{"INPUT -i eth0", "OUTPUT -o eth0", "FORWARD -i eth0", "FORWARD -o eth0"} {
		command := append([]string{"iptables", "-w", what}, append(strings.Fields(rule), "-j", "DROP")...)
		if out, code := n.outer.Exec(t, command...); code != 0 {
			t.Fatalf("cannot do %q in container %s: %s", command, n.outer.Name, out)
		}
	}
}
