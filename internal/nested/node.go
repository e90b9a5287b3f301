package nested

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"
)

// swarmPort is where a manager listens for other nodes.
const swarmPort = "2377"

// A Node is an engine that is to be a node of a swarm.
type Node struct {
	*client.Client
	Address string // at which the other nodes find it
}

// Swarm makes a swarm of engines, all of them managers.
func Swarm(ctx context.Context, nodes []Node) error {
	first := nodes[0]
	if _, err := first.SwarmInit(ctx, swarm.InitRequest{ListenAddr: "0.0.0.0:" + swarmPort, AdvertiseAddr: first.Address}); err != nil {
		return fmt.Errorf("cannot make a swarm: %w", err)
	}
	for _, n := range nodes[1:] {
		if err := n.Join(ctx, first); err != nil {
			return err
		}
	}
	return nil
}

// Join makes an engine another manager of the swarm that by is one of.
func (n Node) Join(ctx context.Context, by Node) error {
	seen, err := by.SwarmInspect(ctx)
	if err == nil {
		err = n.SwarmJoin(ctx, swarm.JoinRequest{
			ListenAddr: "0.0.0.0:" + swarmPort, AdvertiseAddr: n.Address,
			RemoteAddrs: []string{by.Address + ":" + swarmPort}, JoinToken: seen.JoinTokens.Manager,
		})
	}
	if err != nil {
		return fmt.Errorf("node %s cannot join the swarm: %w", n.Address, err)
	}
	return nil
}
