package test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

func TestAllThatIsWrongIsToldAtOnceAndNothingIsCreated(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	began := time.Now()
	s := podOf(t, d, components{
		"unknown":   kit("sleep", "comand: oops"),
		"rejected":  kit("sleep", "ports: ['80:80']"),
		"typed":     kit("sleep", "tty: [1]"),
		"imageless": "{command: sleep}",
		"first":     kit("sleep", "depends_on: [second]"),
		"second":    kit("sleep", "depends_on: [first]"),
		"lonely":    kit("sleep", "depends_on: [nobody]"),
		"broken":    "{",
	})
	if code := s.Wait(t); code != 2 {
		t.Errorf("exited with %d, want 2", code)
	}
	_, told := s.Logs(t)
	for _, want := range []string{
		"pod.component.unknown: comand: ", "pod.component.rejected: ports: ", "pod.component.typed: tty: ", "pod.component.imageless: image: ",
		"first -> second -> first", "pod.component.lonely: depends_on.nobody: ", "pod.component.broken: ",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told", want)
		}
	}
	if t.Failed() {
		t.Log(told)
	}
	if made := madeBy(t, s, began); len(made) > 0 {
		t.Errorf("these were created: %q", made)
	}
}

// madeBy are the engine's events about what belongs to a supervisor's pod.
func madeBy(t *testing.T, s supervisor, since time.Time) (made []string) {
	t.Helper()
	stream, failed := s.d.Client().Events(t.Context(), events.ListOptions{
		Since: fmt.Sprint(since.Unix()), Until: fmt.Sprint(time.Now().Unix() + 1),
		Filters: filters.NewArgs(filters.Arg("label", pod.LabelOwner+"="+s.ID)),
	})
	for {
		select {
		case e := <-stream:
			made = append(made, string(e.Type)+" "+string(e.Action)+" "+e.Actor.Attributes["name"])
		case err := <-failed:
			if !errors.Is(err, io.EOF) {
				t.Fatalf("cannot read the engine's events: %v", err)
			}
			return made
		}
	}
}
