package stack_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/source/stack"
)

// A name that is the pod's own hides what the stack has by it.
func TestANameThatTheServicesNetworksKnowIsWarnedOf(t *testing.T) {
	const pods = "labels: {pod.hosts: 'true', pod.component.db: '{image: b}', pod.component.web: '{image: b}'}"
	for name, test := range map[string]struct {
		services, want string // a part of the one warning; empty: there is none
	}{
		"nobody else":               {"a: {" + pods + "}\n  b: {image: i}", ""},
		"another service":           {"a: {" + pods + "}\n  db: {image: i}", "pod.component.db: db is 127.0.0.1 in the pod, so that its components do not reach by that name the service of the stack that is called so; use another name, or set the label pod.hosts to false"},
		"several":                   {"a: {" + pods + "}\n  db: {image: i}\n  e: {image: i, networks: {default: {aliases: [db]}}}", "pod.component.db: db is"},
		"in other letters":          {"a: {" + pods + "}\n  DB: {image: i}", "pod.component.db: db is"},
		"in another network":        {"a: {" + pods + "}\n  db: {image: i, networks: [back]}", ""},
		"in one of several":         {"a: {" + pods + ", networks: [front, back]}\n  db: {image: i, networks: {back: , other: }}", "pod.component.db: db is"},
		"an alias of another":       {"a: {" + pods + "}\n  b: {image: i, networks: {default: {aliases: [x, web]}}}", "pod.component.web: web is 127.0.0.1 in the pod, so that its components do not reach by that name the service b, of which it is an alias in the network default"},
		"an alias elsewhere":        {"a: {" + pods + "}\n  b: {image: i, networks: {back: {aliases: [web]}}}", ""},
		"an alias of its own":       {"a: {" + pods + ", networks: {default: {aliases: [web]}}}", "pod.component.web: web is"},
		"the service's own name":    {"web: {" + pods + "}", ""},
		"names that are not known":  {"a: {labels: {pod.component.db: '{image: b}'}}\n  db: {image: i}", ""},
		"names that are not wanted": {"a: {labels: {pod.component.db: '{image: b}', pod.hosts: 'false'}}\n  db: {image: i}", ""},
		"another pod":               {"a: {" + pods + "}\n  db: {labels: {pod.component.x: '{image: b}'}}", "pod.component.db: db is"},
	} {
		_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": "services:\n  " + test.services + "\n"}, nil))
		var said []string
		for _, f := range findings {
			said = append(said, f.Place+": "+f.What)
			if !f.Warning {
				t.Errorf("%s: %s is no warning", name, f)
			}
		}
		if got := strings.Join(said, "\n"); len(said) > 1 || (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// A name that is no component's is told at the labels.
func TestANameOfAFileThatTheStackKnowsIsWarnedOf(t *testing.T) {
	files := map[string]string{
		"s.yml": "services:\n  a:\n    labels: {pod.compose.file: /pod.yml}\n    configs: [{source: pod, target: /pod.yml}]\n" +
			"  store: {image: i}\n  web: {image: i}\nconfigs: {pod: {file: pod.yml}}\n",
		"pod.yml": "services:\n  web: {image: b, links: ['db:store']}\n  db: {image: b}\n",
	}
	_, findings := stack.Read("s.yml", on(files, nil))
	var said []string
	for _, f := range findings {
		said = append(said, f.String())
	}
	for _, want := range []string{"pod.yml:2:3: warning: services.web: web is 127.0.0.1", "s.yml:3:5: warning: services.a: labels: store is 127.0.0.1"} {
		if got := strings.Join(said, "\n"); len(said) != 2 || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
