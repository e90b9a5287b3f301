package labels

import (
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// makeKnown reads whether the components find each other by name. Where nothing is said those
// of a Compose file do, as docker compose has it, and those of labels do not: theirs may be
// names that the service's networks know.
func (r *reader) makeKnown(text string) {
	if known, ok := r.yes(pod.MakeKnown, text); ok {
		r.known = &known
	}
}

// yes reads a label that is true or false.
func (r *reader) yes(key, text string) (is, ok bool) {
	if text != "true" && text != "false" {
		r.wrong(key, "must be true or false, not %s", compose.Quote(text))
		return false, false
	}
	return text == "true", true
}

// nameComponents has the components of labels find each other by name.
func (r *reader) nameComponents() {
	for _, g := range r.groups {
		name := g.Own().Name
		if why := pod.NoHostName(name); why != "" {
			r.warnings = append(r.warnings, pod.Problemf(pod.ComponentPrefix+name, "%s %s; no component finds another by it", compose.Quote(name), why))
			continue
		}
		r.pod.Hosts = append(r.pod.Hosts, name)
	}
}
