package podyaml_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/podyaml"
)

// full is a pod that says much.
func full() pod.Pod {
	no, zero, mode := false, 0, uint32(0o640)
	return pod.Complete(pod.Pod{
		SharePID: true, PauseImage: "podlike/pause:dev",
		Components: []pod.Component{{
			Name: "web", Image: "nginx:1", Entrypoint: []string{}, Command: []string{"serve", "--port", "80"},
			Env:  map[string]string{"B": "yes", "A": "1", "C": "two\nlines\n"},
			Init: &no, OOMScoreAdj: &zero, TTY: true,
			Resources: pod.Resources{Memory: 64 << 20, CPUs: 5e8, CPUSet: "0-2", Ulimits: map[string][2]int64{"nofile": {1, 2}}},
			Blkio:     pod.Blkio{ReadIOps: map[string]uint64{"/dev/sda": 5}},
			Volumes:   []pod.Volume{{Kind: pod.Named, Source: "logs", Target: "/logs", ReadOnly: true}},
			Copies:    []pod.Copy{{Source: "/a", Target: "/b", Mode: &mode, UID: &zero, Place: "pod.component.web: configs"}},
			Probes:    pod.Probes{Liveness: &pod.Probe{HTTP: &pod.HTTPGet{Port: 80}, Period: time.Second}},
			StopGrace: 90 * time.Second, DependsOn: []pod.Dependency{{Name: "db"}},
			DeviceRequests: []pod.DeviceRequest{{IDs: []string{"x"}}},
		}},
	})
}

// fullText is how that is written.
const fullText = `components:
  - name: web
    image: nginx:1
    entrypoint: []
    command: [serve, --port, "80"]
    env:
      A: "1"
      B: "yes"
      C: |
        two
        lines
    tty: true
    init: false
    resources:
      memory: 67108864
      cpus: 0.5
      cpuSet: 0-2
      ulimits:
        nofile: [1, 2]
    blkio:
      readIOps:
        /dev/sda: 5
    oomScoreAdj: 0
    deviceRequests:
      - ids: [x]
    volumes:
      - kind: volume
        source: logs
        target: /logs
        readOnly: true
    copies:
      - source: /a
        target: /b
        uid: 0
        mode: 0640
    probes:
      liveness:
        http:
          port: 80
        period: 1s
        timeout: 1s
        success: 1
        failure: 3
    restart:
      policy: "no"
    stopGrace: 1m30s
    dependsOn:
      - name: db
        condition: service_started
sharePID: true
grace: 10s
backoff:
  first: 10s
  cap: 5m0s
unready: ignore
pull: missing
pauseImage: podlike/pause:dev
`

func TestAPodIsWrittenInTheWordsOfTheModel(t *testing.T) {
	p := full()
	got, err := podyaml.Write(p)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fullText, string(got)); diff != "" {
		t.Error(diff)
	}
}

// What is text stays text for whoever reads it again.
func TestTextThatLooksLikeSomethingElseIsQuoted(t *testing.T) {
	texts := map[string]string{
		"a": "5", "b": "true", "c": "", "d": "~", "e": "2001-01-01", "f": "- x",
		"g": "0x1", "h": "a: b", "i": "é\x00", "j": " x ", "k": "\n", "l": "1e3", "m": "yes",
	}
	got, err := podyaml.Write(pod.Pod{Components: []pod.Component{{Env: texts}}})
	if err != nil {
		t.Fatal(err)
	}
	var again struct {
		Components []struct{ Env map[string]any }
	}
	if err := yaml.Unmarshal(got, &again); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		if again.Components[0].Env[name] != text {
			t.Errorf("%q has become %#v in\n%s", text, again.Components[0].Env[name], got)
		}
	}
}
