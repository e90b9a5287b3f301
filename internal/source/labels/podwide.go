package labels

import (
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// stopGrace reads how long the whole pod may take to stop.
func (r *reader) stopGrace(text string) {
	r.pod.StopGrace = r.duration(pod.StopGracePeriod, &yaml.Node{Kind: yaml.ScalarNode, Value: text})
}

// duration reads a duration of more than nothing, zero if it is none.
func (r *reader) duration(place string, n *yaml.Node) time.Duration {
	d, ok := compose.Duration(n.Value)
	if !ok || d <= 0 {
		r.wrong(place, "must be a duration such as 10s or 1m30s and more than 0, not %s", quote(n))
		return 0
	}
	return d
}

// backoff reads how long to wait before components are restarted.
func (r *reader) backoff(text string) {
	const form = "write a mapping such as {initial: 1s, cap: 60s}"
	n, problems := compose.Parse(pod.RestartBackoff, text)
	r.problems = append(r.problems, problems...)
	switch {
	case n == nil:
		return
	case n.Kind != yaml.MappingNode:
		r.wrong(pod.RestartBackoff, "%s is no mapping; %s", quote(n), form)
		return
	case len(n.Content) == 0:
		r.wrong(pod.RestartBackoff, "says nothing; %s, or leave the label out", form)
	}
	for pair := range slices.Chunk(n.Content, 2) {
		place := pod.RestartBackoff + ": " + pair[0].Value
		switch pair[0].Value {
		case "initial":
			r.pod.Backoff.First = r.duration(place, pair[1])
		case "cap":
			r.pod.Backoff.Cap = r.duration(place, pair[1])
		default:
			r.wrong(place, "unknown key; known are cap, initial")
		}
	}
}

// unready reads what components that are not ready make of the pod.
func (r *reader) unready(text string) {
	switch u := pod.Unready(text); u {
	case pod.IgnoreUnready, pod.UnreadyCounts:
		r.pod.Unready = u
	default:
		r.wrong(pod.UnreadyMeans, "must be %s or %s, not %s", pod.IgnoreUnready, pod.UnreadyCounts, compose.Quote(text))
	}
}
