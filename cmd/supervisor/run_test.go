package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/stopsignal"
)

// What of a Compose file is ignored is told once, also where the pod cannot be run.
func TestWhatIsIgnoredIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		why, text string
		fails     bool
		want      []string
	}{
		"Valid":   {"for people to look at", "services: {a: {image: b, ports: [80], hostname: c}}", false, []string{"ports: makes no sense in a pod and is ignored; publish them on the service", "hostname: components find it at 127.0.0.1, but the component's own host name is the pod's, which is the service's"}},
		"Invalid": {"for it may be why", "services: {a: {ports: [80]}}", true, []string{"ports: makes no sense in a pod and is ignored; publish them on the service"}},
		"Nothing": {"nothing to tell", "services: {a: {image: b}}", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pod.yml")
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var got, want []string
			tell := func(e event.Event) {
				if e.Kind != event.ConfigWarning || e.At.IsZero() {
					t.Errorf("%s: got %+v", test.why, e)
				}
				got = append(got, e.Why)
			}
			for _, w := range test.want {
				want = append(want, file+": services.a: "+w)
			}
			_, err := readPod(labels.Source{Labels: map[string]string{pod.ComposeFile: file}, Own: machine(nil)}, tell)
			if (err != nil) != test.fails {
				t.Errorf("%s: got the error %v", test.why, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// What only the supervisor can see is told with the place where the component was written,
// as all that a reader sees is.
func TestWhatTheSupervisorFindsHasThePlaceWhereItWasWritten(t *testing.T) {
	const text = "services:\n  a:\n    image: b\n    mem_limit: 1g\n    pre_start: [{command: [c]}]\n"
	file := filepath.Join(t.TempDir(), "pod.yml")
	said := map[string]string{pod.ComposeFile: file, pod.InitComponents: "[{image: d, cpus: 2}]"}
	self := engine.Seen{Labels: said, Limits: engine.Limits{Memory: 64 << 20, CPUs: 5e8}}
	read := func(text string) (told []string, err error) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		tell := func(e event.Event) { told = append(told, string(e.Kind)+": "+e.Why) }
		_, err = prepare(t.Context(), empty(t), options{group: groupOff}, self, labelsOf(self), tell, nil)
		return told, err
	}

	got, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"limit lowered: pod.init.components: init-1: cpus: 2 is more than the supervisor itself may use, and lowered to 0.5",
		"limit lowered: " + file + ": services.a: line 4: mem_limit: 1g is more than the supervisor itself may use, and lowered to 64m",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	_, err = read(text + "    secrets: [podlike-none]\n")
	wrong := file + ": services.a: line 6: secrets: cannot copy /run/secrets/podlike-none: no such file or directory; " +
		"give it to the supervisor, as a secret, a config or a volume of its service"
	if diff := cmp.Diff(wrong, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

// A second SIGTERM changes nothing: who sends it has waited long enough to kill us.
func TestOnlyASecondInterruptIsInAHurry(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	hurry, relax := inHurry(ctx)
	defer relax()
	end()
	for _, sent := range []struct {
		signal  syscall.Signal
		hurries bool
	}{{syscall.SIGTERM, false}, {syscall.SIGINT, true}} {
		if err := syscall.Kill(os.Getpid(), sent.signal); err != nil {
			t.Fatal(err)
		}
		dockertest.Eventually(t, 10*time.Second, func() (bool, string) {
			select {
			case <-hurry:
				return sent.hurries, "in a hurry"
			default:
				return !sent.hurries && len(stopsignal.First()) == 0, "no hurry"
			}
		})
	}
}

// Whoever looks for the last record finds it, however early the pod was stopped.
func TestAStopBeforeAnythingWasMadeIsTold(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	var log bytes.Buffer
	tell := func(e event.Event) {
		line := zerolog.New(&log)
		record(line.Info(), e)
	}
	broken := errors.New("broken")
	if code, err := unbegun(ctx, broken, tell); code != 0 || !errors.Is(err, broken) || log.Len() > 0 {
		t.Errorf("not asked to stop it ends with %d, %v, and tells %s", code, err, &log)
	}
	stop(errors.New("asked to stop by SIGTERM"))
	code, err := unbegun(ctx, broken, tell)
	if code != 0 || err != nil {
		t.Errorf("it ends with %d, %v", code, err)
	}
	var got map[string]any
	if err := json.Unmarshal(log.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, &log)
	}
	delete(got, "time")
	want := map[string]any{
		"level": "info", "message": "pod ended", "why": "asked to stop by SIGTERM", "code": 0.0,
		"codes": map[string]any{}, "ends": []any{}, "last_lines": []any{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A pair may run whose supervisor is asked to stop while it still looks who it is.
func TestPreparingGoesOnForAWhileAfterAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		preparation, prepared := patient(ctx)
		defer prepared()
		time.Sleep(time.Hour)
		stop()
		began := time.Now()
		<-preparation.Done()
		if took := time.Since(began); took != patience {
			t.Errorf("it goes on for %s, want %s", took, patience)
		}
	})
}
