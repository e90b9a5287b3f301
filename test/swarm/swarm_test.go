// Package swarm runs pods on a Swarm of three nodes, and does to that what happens to one: updates,
// drained nodes, engines that are killed, networks that are cut. The nodes are engines in containers,
// all of them managers; the machine's engine is left alone.
//
// It takes minutes, so it is no part of `make test`: `make test-swarm` runs it.
package swarm

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"

	"github.com/podlike/podlike/internal/dockertest"
)

const (
	// soon is how long anything may take on a machine that has more to do.
	soon = 30 * time.Second
	// long is how long a swarm may need to be again as it is to be: it notices only after a while
	// that a node is away, and may have to elect a leader first.
	long = 3 * time.Minute
	// budget is the time for going down that a task has here.
	budget = 20 * time.Second
)

// There is one swarm, as it takes a while to make one. What does most harm to it comes last.
func TestOnASwarmOfThreeNodes(t *testing.T) {
	c := open(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, *cluster)
	}{
		{"ARollingUpdateFailsNoRequest", noRequestFails},
		{"AnUpdateStartsOrStopsFirst", anUpdateStartsOrStopsFirst},
		{"APodThatNeverTurnsHealthyIsRolledBack", whatNeverTurnsHealthyIsRolledBack},
		{"AServiceIsScaledToNothingAndBack", scaledToNothingAndBack},
		{"AServiceIsRemovedWhileItStarts", removedWhileItStarts},
		{"ANodeLeaves", aNodeLeaves},
		{"AManagerLosesQuorum", aManagerLosesQuorum},
		{"WhateverHappensAllPodsAreThereInTheEndAndNothingElse", whateverHappens},
	} {
		if !t.Run(test.name, func(t *testing.T) { test.run(t, c) }) {
			c.purge(t)
		}
	}
}

// open makes the swarm, and a network that its services share.
func open(t *testing.T) *cluster {
	t.Helper()
	began := time.Now()
	c := &cluster{nodes: dockertest.New(t).Nodes(t, dockertest.Engine20, 3, nginx)}
	made := network.CreateOptions{Driver: "overlay", Attachable: true}
	if _, err := c.nodes[0].Client().NetworkCreate(t.Context(), overlay, made); err != nil {
		t.Fatalf("cannot make a network of the swarm: %v", err)
	}
	dockertest.Report(t, "three nodes are a swarm after %v", time.Since(began).Round(time.Second))
	return c
}
