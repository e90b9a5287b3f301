package admission

import (
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/mount"
	"github.com/podlike/podlike/internal/pod"
)

// Shareable are the volumes and host paths among what is mounted into the supervisor,
// without its secrets: Swarm's, and its configs, are none of them, but those of Compose are.
func Shareable(mounts []engine.Mounted) (all []pod.Volume) {
	for _, m := range mounts {
		switch {
		case mount.IsSecret(m.Target):
		case m.Type == engine.VolumeMount:
			all = append(all, pod.Volume{Kind: pod.Named, Source: m.Name, Target: m.Target, ReadOnly: m.ReadOnly, NoCopy: true})
		case m.Type == engine.BindMount:
			all = append(all, pod.Volume{Kind: pod.Bind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Propagation: m.Propagation})
		}
	}
	return all
}

// Sockets are the paths that the engine's socket may have in the supervisor: where it
// usually is, and where DOCKER_HOST, as host, says that it is.
func Sockets(host string) []string {
	sockets := []string{"/var/run/docker.sock", "/run/docker.sock"}
	if named, ok := strings.CutPrefix(host, "unix://"); ok {
		sockets = append(sockets, named)
	}
	return sockets
}

// mostOOMScore is the kernel's limit of an OOM score adjustment (proc(5)).
const mostOOMScore = 1000

// OOMScoreAdj is that of the components, by the supervisor's own: when memory is short they
// go before the one that can tell of it.
func OOMScoreAdj(own int) int { return min(own+1, mostOOMScore) }
