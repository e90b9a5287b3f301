package compose_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// A file has DB_HOST: db, and whatever else docker compose finds a service by.
func TestServicesOfAFileAreFoundByAllTheirNames(t *testing.T) {
	for name, test := range map[string]struct {
		services string
		want     []string
		warned   string // a part of each warning; empty: there is none
	}{
		"services":             {"a: {image: i}, b: {image: i}", []string{"a", "b"}, ""},
		"an underscore":        {"my_db: {image: i}", []string{"my_db"}, ""},
		"container_name":       {"a: {image: i, container_name: my_db}", []string{"a", "my_db"}, "services.a: container_name: components find it at 127.0.0.1, but the container's name is made of"},
		"the same again":       {"a: {image: i, container_name: a}", []string{"a"}, "container_name: components find it"},
		"hostname":             {"a: {image: i, hostname: a.local}", []string{"a", "a.local"}, "hostname: components find it at 127.0.0.1, but the component's own host name is the pod's"},
		"an empty one":         {"a: {image: i, hostname: ''}", []string{"a"}, "hostname: makes no sense in a pod"},
		"no host name":         {"a: {image: i, hostname: 'a b'}", []string{"a"}, `services.a: hostname: "a b" is no host name; use letters, digits, _ . and -; no component finds another by it`},
		"a variable":           {"a: {image: i, hostname: '${OWN}-db'}", []string{"a", "mine-db"}, "hostname: components find it"},
		"a link":               {"a: {image: i, links: ['b:store', b]}, b: {image: i}", []string{"a", "b", "store"}, ""},
		"a link to nobody":     {"a: {image: i, links: ['x:store']}", []string{"a"}, `services.a: links: "x" is none of the pod's components, so that "store" names nobody; leave it out`},
		"a link to who idles":  {"a: {image: i, links: [b]}, b: {image: i, profiles: [p]}", []string{"a"}, `"b" is none of the pod's components, so that "b" names nobody`},
		"aliases":              {"a: {image: i, networks: {n: {aliases: [b, c]}, m: {aliases: [b]}, o: }}", []string{"a", "b", "c"}, "networks: of it only the aliases make sense in a pod, where components find them at 127.0.0.1"},
		"networks without any": {"a: {image: i, networks: {n: {ipv4_address: 10.0.0.2}}}", []string{"a"}, "networks: makes no sense in a pod"},
		"a bad alias":          {"a: {image: i, networks: {n: {aliases: [-b]}}}", []string{"a"}, "networks"},
		"a number":             {"'1': {image: i}", nil, `services.1: "1" is a number, which programs take for an address`},
		"who idles":            {"a: {image: i}, b: {image: i, container_name: c, profiles: [p]}", []string{"a"}, ""},
		"what is extended":     {"a: {extends: b}, b: {container_name: c, image: i}", []string{"a", "b", "c"}, "container_name: components find it"},
		"what is taken away":   {"a: {extends: b, profiles: !reset null, container_name: !reset null}, b: {container_name: c, image: i, profiles: [p]}", []string{"a"}, ""},
		"before its start":     {"a: {image: i, pre_start: [{command: [c], hostname: b}, {command: [d]}]}", []string{"a", "b"}, "hostname: components find it"},
		"an external link":     {"a: {image: i, external_links: ['x:y']}", []string{"a"}, "external_links: makes no sense in a pod"},
	} {
		got := compose.ReadFile(main, disk{main: "services: {" + test.services + "}"}.own())
		if diff := cmp.Diff(test.want, got.Hosts); diff != "" || got.Problems != nil {
			t.Errorf("%s: %v\n%s", name, got.Problems, diff)
		}
		var said []string
		for _, w := range got.Locate(got.Warnings) {
			if text := strings.ReplaceAll(w.String(), "line 1: ", ""); strings.Contains(text, test.warned) && test.warned != "" {
				continue
			}
			said = append(said, w.String())
		}
		if wanted := len(got.Warnings) - len(said); said != nil || (test.warned != "") != (wanted > 0) {
			t.Errorf("%s: warned %q, want %q", name, got.Warnings, test.warned)
		}
	}
}

// Who says that names are not to be known is told what then makes no sense.
func TestWithoutNamesKeysThatNameAServiceDoNothing(t *testing.T) {
	own := disk{main: "services: {a: {image: i, links: ['b:c'], hostname: d, container_name: e}, b: {image: i, networks: {n: {aliases: [f]}}}}"}.own()
	own.Nameless = true
	got := compose.ReadFile(main, own)
	if got.Hosts != nil || strings.Count(got.Warnings.Error(), "makes no sense in a pod and is ignored") != 4 || len(flat(got)[0].DependsOn) > 0 {
		t.Errorf("%q, %v, %+v", got.Hosts, got.Warnings, flat(got)[0].DependsOn)
	}
}

// A service that has a link to another starts after it, as with docker compose.
func TestALinkIsADependency(t *testing.T) {
	for links, want := range map[string][]pod.Dependency{
		"links: [b]":        {{Name: "b", Condition: pod.Started, Optional: true}},
		"links: ['b:x', b]": {{Name: "b", Condition: pod.Started, Optional: true}},
		"links: ['b:x', c]": {{Name: "b", Condition: pod.Started, Optional: true}, {Name: "c", Condition: pod.Started, Optional: true}},
		"links: []":         nil,
		"links: [b], depends_on: {b: {condition: service_completed_successfully}}": {{Name: "b", Condition: pod.Completed}},
	} {
		text := "services: {a: {image: i, " + links + "}, b: {image: i}, c: {image: i}}"
		if diff := cmp.Diff(want, flat(compose.ReadFile(main, disk{main: text}.own()))[0].DependsOn); diff != "" {
			t.Errorf("%s:\n%s", links, diff)
		}
	}
	for _, text := range []string{"links: [b]", "hostname: b", "container_name: b"} {
		if _, problems := read(text); problems == nil {
			t.Errorf("%s in a label is taken", text)
		}
	}
}

// As with docker compose, whose namespace is shared starts first: with a VPN the application
// would talk in the clear until that is there.
func TestWhoseNamespaceAServiceSharesStartsBeforeIt(t *testing.T) {
	vpn := []pod.Dependency{{Name: "vpn", Condition: pod.Started}}
	for name, test := range map[string]struct {
		of      string // what the service says
		want    []pod.Dependency
		problem string // a part of it; empty: there is none
	}{
		"network":           {"network_mode: 'service:vpn'", vpn, ""},
		"processes":         {"pid: 'service:vpn'", vpn, ""},
		"shared memory":     {"ipc: 'service:vpn'", vpn, ""},
		"all of them":       {"network_mode: 'service:vpn', pid: 'service:vpn', ipc: 'service:vpn'", vpn, ""},
		"a variable":        {"network_mode: 'service:${VPN}'", []pod.Dependency{{Name: "mine", Condition: pod.Started}}, "depends_on.mine: there is no such component"},
		"the host's":        {"network_mode: host", nil, ""},
		"none":              {"network_mode: none", nil, ""},
		"shareable":         {"ipc: shareable", nil, ""},
		"said already":      {"network_mode: 'service:vpn', depends_on: {vpn: {condition: service_healthy}}", []pod.Dependency{{Name: "vpn", Condition: pod.Healthy}}, ""},
		"a link as well":    {"network_mode: 'service:vpn', links: [vpn]", vpn, ""},
		"nobody":            {"network_mode: 'service:vnp'", []pod.Dependency{{Name: "vnp", Condition: pod.Started}}, "depends_on.vnp: there is no such component"},
		"itself":            {"network_mode: 'service:app'", []pod.Dependency{{Name: "app", Condition: pod.Started}}, "app"},
		"another container": {"network_mode: 'container:x'", nil, ""},
	} {
		own := disk{main: "services: {vpn: {image: i, healthcheck: {test: [CMD, x]}}, app: {image: i, " + test.of + "}}"}.own()
		own.Lookup = func(name string) (string, bool) { return "mine", name == "VPN" }
		got := compose.ReadFile(main, own)
		p := pod.Pod{Components: flat(got)}
		app, _ := p.Component("app")
		if diff := cmp.Diff(test.want, app.DependsOn); diff != "" || got.Problems != nil {
			t.Errorf("%s: %v\n%s", name, got.Problems, diff)
		}
		problem := ""
		if err := pod.Validate(pod.Complete(p)); err != nil {
			problem = err.Error()
		}
		if !strings.Contains(problem, test.problem) || test.problem == "" && problem != "" {
			t.Errorf("%s: problem %q, want %q", name, problem, test.problem)
		}
	}
}
