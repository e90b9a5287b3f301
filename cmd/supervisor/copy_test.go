package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/labels"
)

// refused are pods of a component a whose copies cannot be made. ROOT stands for a
// directory of the supervisor's, which special makes.
var refused = []struct{ why, component, copy string }{
	{"it is not there", "{image: b}", "ROOT/none:/x"},
	{"nor is what the link leads to", "{image: b}", "ROOT/astray:/x"},
	{"a file is no directory", "{image: b}", "ROOT/plain/x:/x"},
	{"a socket would be of no use elsewhere", "{image: b}", "ROOT/socket:/x"},
	{"a pipe has no end to read to", "{image: b}", "ROOT/pipes/pipe:/x"},
	{"nor has one in a directory", "{image: b}", "ROOT/pipes:/x"},
	{"a device is the engine's", "{image: b}", "/dev/null:/x"},
	{"a tmpfs hides it", "{image: b, tmpfs: /run}", "ROOT/plain:/run/x"},
	{"so does one among the volumes", "{image: b, volumes: [{type: tmpfs, target: /t}]}", "{ROOT/plain: /t/}"},
	{"and what the engine mounts", "{image: b}", "ROOT/plain:/etc/hosts"},
	{"nobody may write to it", "{image: b, volumes: ['v:/v:ro']}", "[ROOT/plain:/v/x]"},
	{"nor can anything be mounted there", "{image: b, volumes: ['v:/v:ro'], secrets: [{source: none, target: /v/x}]}", ""},
	{"the service has no such secret", "{image: b, secrets: [none, {source: nil, target: key}]}", ""},
	{"nor such a config", "{image: b, configs: [none.conf]}", ""},
	{"there can be one file at a place", "{image: b, secrets: [none], configs: [{source: none, target: /run/secrets/none}]}", ""},
	{"each is told", "{image: b, tmpfs: /run}", "[ROOT/none:/x, ROOT/plain:/run/x, ROOT/plain:/y, ROOT/socket:/z]"},
	{"with what else is wrong", "{image: b, ports: [80]}", "[ROOT/none:/x, ROOT/plain]"},
}

// special makes the directory, and a socket in it for as long as the test lasts.
func special(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	listener, err := net.Listen("unix", root+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	err = errors.Join(
		os.WriteFile(root+"/plain", nil, 0o600), os.Symlink("nowhere", root+"/astray"),
		os.Mkdir(root+"/pipes", 0o700), syscall.Mkfifo(root+"/pipes/pipe", 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestCopiesThatCannotBeMadeAreTold(t *testing.T) {
	root := special(t)
	var got strings.Builder
	for _, c := range refused {
		said := map[string]string{pod.ComponentPrefix + "a": strings.ReplaceAll(c.component, "ROOT", root)}
		if c.copy != "" {
			said[pod.CopyPrefix+"a"] = strings.ReplaceAll(c.copy, "ROOT", root)
		}
		_, err := readPod(labels.Source{Labels: said, Own: machine(nil)}, func(event.Event) {})
		if err == nil {
			t.Errorf("%s: no problem was found", c.why)
			continue
		}
		fmt.Fprintf(&got, "# %s\n%s %s\n%s\n\n", c.why, c.component, c.copy, strings.ReplaceAll(err.Error(), root, "ROOT"))
	}
	compare(t, "testdata/copies.golden", got.String())
}

// several is a source of more than one pod.
type several struct{ labels.Source }

func (s several) Read() ([]source.Pod, []source.Finding) {
	pods, findings := s.Source.Read()
	return append(pods, pods...), findings
}

func TestASupervisorRunsOnePod(t *testing.T) {
	one := labels.Source{Labels: map[string]string{pod.ComponentPrefix + "a": "image: b"}, Own: machine(nil)}
	if p, err := readPod(one, func(event.Event) {}); err != nil || len(p.Components) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	if _, err := readPod(several{one}, func(event.Event) {}); err == nil || err.Error() != "there are 2 pods, and a supervisor runs one" {
		t.Errorf("got %v", err)
	}
}
