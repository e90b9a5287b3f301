package template

import (
	"fmt"
	"strings"

	"github.com/podlike/podlike/internal/source/tree"
)

// Explain says for each key of the pod of a service, or of all pods, where it is from, and what it
// has been stronger than. It is false where there is no such pod.
func (r Result) Explain(service string) (string, bool) {
	var text strings.Builder
	found := false
	for _, p := range r.pods {
		if service != "" && p.name != service {
			continue
		}
		found = true
		for _, part := range p.parts {
			name := "services." + p.name
			if part.name != "" {
				name += ": pod.component." + part.name
			}
			fmt.Fprintf(&text, "%s\n", name)
			explain(&text, nil, part.value)
		}
		for _, c := range p.copies {
			for _, item := range c.Value.Items {
				fmt.Fprintf(&text, "  pod.copy.%s: %s\n", c.Key, from(item.At))
			}
		}
	}
	return text.String(), found
}

// explain tells of a value and what is below it. The labels that are the components are not
// repeated.
func explain(text *strings.Builder, path []string, v *tree.Value) {
	lost := ""
	for _, l := range v.Lost {
		lost += ", over " + from(l.At) + said(l)
	}
	key := strings.Join(path, ".")
	switch {
	case v.Kind == tree.Mapping && len(v.Entries) > 0:
		if lost != "" {
			fmt.Fprintf(text, "  %s:%s\n", key, strings.TrimPrefix(lost, ","))
		}
		for _, e := range v.Entries {
			if len(path) == 1 && path[0] == "labels" && strings.HasPrefix(e.Key, "pod.") && e.Value.Chars != nil {
				continue
			}
			explain(text, append(path[:len(path):len(path)], e.Key), e.Value)
		}
	case v.Kind == tree.List && len(v.Items) > 0:
		if lost != "" {
			fmt.Fprintf(text, "  %s:%s\n", key, strings.TrimPrefix(lost, ","))
		}
		for i, item := range v.Items {
			explain(text, append(path[:len(path):len(path)], fmt.Sprint(i)), item)
		}
	default:
		fmt.Fprintf(text, "  %s: %s%s\n", key, from(v.At), lost)
	}
}

// from is where something was written, and by whom.
func from(at tree.Origin) string {
	switch at.From {
	case "":
		return at.Position.String()
	case "default":
		return "default"
	}
	return at.Position.String() + " (" + at.From + ")"
}

// said is what a value that has lost would have been, if that is short.
func said(v *tree.Value) string {
	const most = 40
	if v.IsText() && len(v.Text) < most && !strings.Contains(v.Text, "\n") {
		return fmt.Sprintf(" with %q", v.Text)
	}
	return ""
}
