package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// What YAML makes of a number is what the component gets; its user is shown both.
func TestNumbersAmongWordsThatYAMLChangesAreDoubted(t *testing.T) {
	for written, became := range map[string]string{
		"0755": "493", "1.10": "1.1", "1e3": "1000", "0x1F": "31", "0b11": "3", "0o17": "15", "1_000": "1000", "True": "true", "FALSE": "false", ".5": "0.5", "+1": "1", "1.0": "1", "-00": "0",
		"1e21": "1e+21",
		"755":  "", "1.5": "", "true": "", "-1": "", "0": "", "'0755'": "", `"1.10"`: "", "yes": "", "1:30": "", "2001-02-03": "", "v1.10": "", "!!str 010": "", "~": "", "1.10.0": "",
	} {
		node, problems := compose.Parse("it", "{image: i, environment: {A: "+written+"}, labels: {a: "+written+"}, "+
			"post_start: [{command: [a], environment: {B: "+written+"}}]}")
		if problems != nil {
			t.Fatalf("%s: %v", written, problems)
		}
		group, problems, warnings := compose.Read(compose.Service{Name: "it", Place: "it", Node: node}, own)
		var want []string
		for _, place := range []string{"environment.A", "labels.a", "post_start.environment.B"} {
			if became != "" {
				want = append(want, fmt.Sprintf("it: %s: %s is the number or flag %s to YAML, "+
					"which is what the component gets; write '%s' in quotes if that is meant", place, written, became, written))
			}
		}
		if got := warnings.Error(); got != strings.Join(want, "\n") {
			t.Errorf("%s: warned %q, want %q", written, got, want)
		}
		if got := group.Own().Env["A"]; became != "" && (problems != nil || got != became) {
			t.Errorf("%s became %q, %v", written, got, problems)
		}
	}
}

// That the components share what a pod shares is no news; what a component does not get is.
func TestNamespacesThatAPodSharesAreToldOfWhereThatIsNotMeant(t *testing.T) {
	for text, want := range map[string]string{
		"network_mode: service:vpn": "", "pid: service:app": "", "ipc: service:app": "", "ipc: shareable": "",
		"network_mode: host":          "host is ignored: the component has the pod's network and not the host's",
		"network_mode: none":          "none is ignored: the component is not cut off",
		"network_mode: bridge":        "makes no sense in a pod and is ignored",
		"network_mode: container:vpn": "makes no sense in a pod and is ignored",
		"pid: host":                   "host is ignored: the component sees the pod's processes",
		"ipc: host":                   "host is ignored: the component shares memory with the pod",
		"ipc: private":                "private is ignored: the components of a pod share IPC",
	} {
		got := compose.ReadFile(main, disk{main: "services: {a: {image: i, " + text + "}}"}.own())
		if said := got.Warnings.Error(); got.Problems != nil || (want == "") != (said == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %v, %q, want %q", text, got.Problems, said, want)
		}
	}
}

// A pod builds nothing and remembers no pull; a file that was written for docker compose
// runs all the same.
func TestPullPoliciesOfAFileBecomeThoseOfAPod(t *testing.T) {
	for policy, want := range map[string]pod.Pull{
		"build": pod.Missing, "daily": pod.Always, "weekly": pod.Always, "every_12h": pod.Always, "every_2d": pod.Always, "refresh": pod.Always,
		"always": pod.Always, "missing": pod.Missing, "if_not_present": pod.Missing, "never": pod.Never, "every_": "", "hourly": "",
	} {
		got := compose.ReadFile(main, disk{main: "services: {a: {image: i, pull_policy: " + policy + "}}"}.own())
		changed := string(want) != policy && policy != "if_not_present" && want != ""
		if pull := flat(got)[0].Pull; pull != want || (got.Problems == nil) != (want != "") || (got.Warnings != nil) != changed {
			t.Errorf("%s: %q, %v, %v", policy, pull, got.Problems, got.Warnings)
		}
		if _, problems := read("pull_policy: " + policy); (problems != nil) != (changed || want == "") {
			t.Errorf("%s in a label: %v", policy, problems)
		}
	}
}
