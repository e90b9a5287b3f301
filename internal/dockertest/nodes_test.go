package dockertest

import (
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
)

// The engines of a test that is killed go by themselves, but not the network that they had.
func TestTheNetworkOfNodesThatIsLeftBehindIsRemovedByTheNext(t *testing.T) {
	release, err := lock(nodesLock())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	e := New(t)
	left := "podlike-test-" + random()
	made := network.CreateOptions{Internal: true, Labels: e.Labels(map[string]string{nodesLabel: "yes"})}
	if _, err := e.cli.NetworkCreate(t.Context(), left, made); err != nil {
		t.Fatal(err)
	}
	var next string
	t.Run("Next", func(t *testing.T) {
		next = e.nodesNetwork(t)
		if _, err := e.cli.NetworkInspect(t.Context(), left, network.InspectOptions{}); !cerrdefs.IsNotFound(err) {
			t.Errorf("the network is still there: %v", err)
		}
	})
	if _, err := e.cli.NetworkInspect(t.Context(), next, network.InspectOptions{}); !cerrdefs.IsNotFound(err) {
		t.Errorf("the next one's own is still there: %v", err)
	}
}
