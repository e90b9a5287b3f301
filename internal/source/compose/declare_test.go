package compose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// Data goes to the disk that its user has named, and into no other volume.
func TestDeclaredVolumesAreMadeAsTheFileSays(t *testing.T) {
	named := func(v pod.Volume) pod.Volume {
		v.Kind, v.Target = pod.Named, "/v"
		if v.Source == "" {
			v.Source = "v"
		}
		return v
	}
	label := func(text string) *string { return &text }
	for name, test := range map[string]struct {
		top, env string
		project  *string
		want     pod.Volume
	}{
		"nothing":               {"volumes: {v: }", "", nil, pod.Volume{}},
		"the usual driver":      {"volumes: {v: {driver: local}}", "", nil, pod.Volume{}},
		"another driver":        {"volumes: {v: {driver: rexray}}", "", nil, pod.Volume{Driver: "rexray"}},
		"nfs":                   {"volumes: {v: {driver: local, driver_opts: {type: nfs, o: 'addr=10.0.0.1,rw', device: ':/data'}}}", "", nil, pod.Volume{Options: map[string]string{"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/data"}}},
		"numbers are text":      {"volumes: {v: {driver_opts: {size: 0100, fast: true}}}", "", nil, pod.Volume{Options: map[string]string{"size": "0100", "fast": "true"}}},
		"labels":                {"volumes: {v: {labels: [a=b, c=]}}", "", nil, pod.Volume{Labels: map[string]string{"a": "b", "c": ""}}},
		"external":              {"volumes: {v: {external: true}}", "", nil, pod.Volume{External: true}},
		"external by text":      {"volumes: {v: {external: '${X:-yes}'}}", "", nil, pod.Volume{External: true}},
		"not external":          {"volumes: {v: {external: false}}", "", nil, pod.Volume{}},
		"external, with a name": {"name: p\nvolumes: {v: {external: true, name: x}}", "", nil, pod.Volume{Source: "x", External: true}},
		"external, as of old":   {"volumes: {v: {external: {name: x}}}", "", nil, pod.Volume{Source: "x", External: true}},
		"a name":                {"name: p\nvolumes: {v: {name: x}}", "", nil, pod.Volume{Source: "x"}},
		"the file's project":    {"name: p\nvolumes: {v: }", "", nil, pod.Volume{InProject: "p_v"}},
		"the project of .env":   {"name: p\nvolumes: {v: }", "COMPOSE_PROJECT_NAME=q", nil, pod.Volume{InProject: "q_v"}},
		"the label's project":   {"name: p\nvolumes: {v: }", "COMPOSE_PROJECT_NAME=q", label("r"), pod.Volume{InProject: "r_v"}},
		"no project":            {"name: p\nvolumes: {v: }", "", label(""), pod.Volume{}},
		"external in a project": {"name: p\nvolumes: {v: {external: true}}", "", nil, pod.Volume{External: true}},
		"not declared":          {"name: p", "", nil, pod.Volume{}},
	} {
		files := disk{main: "services: {a: {image: i, volumes: ['v:/v']}}\n" + test.top, "/etc/conf/.env": test.env}
		own := files.own()
		own.Project = test.project
		got := compose.ReadFile(main, own)
		if diff := cmp.Diff([]pod.Volume{named(test.want)}, flat(got)[0].Volumes); diff != "" || got.Problems != nil {
			t.Errorf("%s: %v\n%s", name, got.Problems, diff)
		}
	}
}

// A secret of a file is handed on in memory, wherever it comes from.
func TestDeclaredSecretsAndConfigsAreHandedOn(t *testing.T) {
	content := func(text, from string) pod.Copy { return pod.Copy{Content: &text, From: from} }
	for name, test := range map[string]struct {
		key, declared string
		want          pod.Copy
	}{
		"a secret's file":        {"secrets", "{file: ./keys/s.txt}", pod.Copy{Source: "/etc/conf/keys/s.txt", InFile: true}},
		"an absolute file":       {"secrets", "{file: /keys/s.txt}", pod.Copy{Source: "/keys/s.txt", InFile: true}},
		"a variable":             {"secrets", "{environment: OWN}", content("mine", "environment OWN")},
		"an empty variable":      {"secrets", "{environment: EMPTY}", content("", "environment EMPTY")},
		"the service's":          {"secrets", "{external: true}", pod.Copy{Source: "/run/secrets/s"}},
		"the service's, by name": {"secrets", "{external: true, name: x}", pod.Copy{Source: "/run/secrets/s"}},
		"nothing":                {"secrets", "", pod.Copy{Source: "/run/secrets/s"}},
		"a config's file":        {"configs", "{file: c.conf}", pod.Copy{Source: "/etc/conf/c.conf", InFile: true}},
		"a config's content":     {"configs", "{content: 'a=$OWN'}", content("a=mine", "content of the Compose file")},
		"a config's variable":    {"configs", "{environment: OWN}", content("mine", "environment OWN")},
		"the service's config":   {"configs", "{external: true}", pod.Copy{Source: "/s"}},
	} {
		files := disk{main: "services: {a: {image: i, " + test.key + ": [s]}}\n" + test.key + ": {s: " + test.declared + "}"}
		got := compose.ReadFile(main, files.own())
		test.want.Memory, test.want.Place = true, "pod.component.a: "+test.key
		test.want.Target = map[string]string{"secrets": "/run/secrets/s", "configs": "/s"}[test.key]
		if diff := cmp.Diff([]pod.Copy{test.want}, flat(got)[0].Copies); diff != "" || got.Problems != nil {
			t.Errorf("%s: %v\n%s", name, got.Problems, diff)
		}
	}
}
