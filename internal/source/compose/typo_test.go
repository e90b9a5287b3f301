package compose_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/source/compose"
)

func TestEditsCountsSlipsOfTheFingers(t *testing.T) {
	for _, test := range []struct {
		why, a, b string
		want      int
	}{
		{"nothing", "", "", 0},
		{"the same", "init", "init", 0},
		{"all of it", "", "pod", 3},
		{"one left out", "unredy", "unready", 1},
		{"one too many", "pods", "pod", 1},
		{"one changed", "pad", "pod", 1},
		{"two swapped", "inti", "init", 1},
		{"two swapped and one changed", "copmonent", "component", 1},
		{"letters, not bytes", "öl", "ol", 1},
		{"in either direction", "retry", "retries", 3},
		{"in either direction", "retries", "retry", 3},
	} {
		if got := compose.Edits(test.a, test.b); got != test.want {
			t.Errorf("%s: %q and %q are %d edits apart, not %d", test.why, test.a, test.b, got, test.want)
		}
	}
}

func TestAnUnknownKeyNamesTheOneThatWasMeant(t *testing.T) {
	for text, want := range map[string]string{
		"healthcheck: {start-period: 5s}":               "start_period",
		"healthcheck: {startPeriod: 5s}":                "start_period",
		"healthcheck: {retry: 3}":                       "retries",
		"healthcheck: {intervall: 3s}":                  "interval",
		"healthcheck: {command: x}":                     "",
		"enviroment: {}":                                "environment",
		"Environment: {}":                               "environment",
		"dependsOn: [b]":                                "depends_on",
		"depend_on: [b]":                                "depends_on",
		"env-file: a.env":                               "env_file",
		"imgae: b":                                      "image",
		"memory: 5m":                                    "",
		"foo: 5m":                                       "",
		"deploy: {resource: {limits: {cpus: '1'}}}":     "resources",
		"deploy: {resources: {limit: {cpus: '1'}}}":     "limits",
		"deploy: {resources: {limits: {cpu: '1'}}}":     "cpus",
		"depends_on: {b: {contition: service_healthy}}": "condition",
		"volumes: [{type: bind, source: /a, target: /b, readonly: true}]": "read_only",
		"volumes: [{type: tmpfs, target: /b, tmpfs: {sise: 5m}}]":         "size",
		"logging: {drive: x}":                            "driver",
		"x-pod: {side_car: true}":                        "sidecar",
		"x-pod: {livenessprobe: {tcpSocket: {port: 5}}}": "livenessProbe",
	} {
		_, problems := read(text)
		if len(problems) == 0 || !strings.Contains(problems[0].What, "unknown key") && !strings.Contains(problems[0].What, "is missing") {
			t.Errorf("%s: %v", text, problems)
			continue
		}
		got := ""
		for _, p := range problems {
			if _, meant, found := strings.Cut(p.What, "; did you mean "); found {
				got = strings.TrimSuffix(meant, "?")
			}
		}
		if got != want {
			t.Errorf("%s: meant %q, not %q: %v", text, got, want, problems)
		}
	}
}
