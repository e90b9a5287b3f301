package runner_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/runner"
)

// successor as its first argument makes this program a process that adopts a container and passes
// its output on until it is killed. A container's ID, a file to note in and TTY follow.
const successor = "-successor"

// A noteFile is a ledger in a file: what was written to it is there when its writer was killed,
// all of a write or nothing.
type noteFile struct {
	file  *os.File
	notes noted
}

// noted is a runner.Position as the file has it.
type noted struct {
	Passed [2]int64
	Anchor int64
	Before [2]int64
	At     int64
}

func openNotes(name string) (*noteFile, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	n := &noteFile{file: file}
	if info, err := file.Stat(); err != nil || info.Size() == 0 {
		return n, err
	}
	return n, binary.Read(file, binary.NativeEndian, &n.notes)
}

func (n *noteFile) position() runner.Position {
	at := func(ns int64) time.Time {
		if ns == 0 {
			return time.Time{}
		}
		return time.Unix(0, ns)
	}
	return runner.Position{Passed: n.notes.Passed, Anchor: at(n.notes.Anchor), Before: n.notes.Before, At: at(n.notes.At)}
}

func (n *noteFile) SetPassed(stream int, passed int64, at time.Time) {
	n.notes.Passed[stream], n.notes.At = passed, at.UnixNano()
	n.save()
}

func (n *noteFile) SetAnchor(at time.Time, before [2]int64) {
	n.notes.Anchor, n.notes.Before = at.UnixNano(), before
	n.save()
}

func (n *noteFile) save() {
	text, err := binary.Append(nil, binary.NativeEndian, n.notes)
	if err == nil {
		_, err = n.file.WriteAt(text, 0)
	}
	if err != nil {
		panic(err)
	}
}

// succeed is what the process does.
func succeed(args []string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	e, err := docker.Open(ctx)
	fail(err)
	notes, err := openNotes(args[1])
	fail(err)
	from, tty := notes.position(), args[2] == "true"
	noter := runner.NewNoter(notes, from)
	queue := output.NewQueue(os.Stdout, 64<<10, func(int64, int64) []byte { return []byte("lost\n") })
	r, err := runner.Adopt(ctx, runner.Config{
		Engine:   retry.New(e, 0, func(retry.Outage) {}),
		Stdout:   output.NewLines("out: ", queue, nil, tty).Note(noter.Stdout),
		Stderr:   output.NewLines("err: ", queue, nil, false).Note(noter.Stderr),
		Missing:  func(why string) { fail(errors.New("missing: " + why)) },
		Anchored: noter.Anchored,
	}, engine.ID(args[0]), engine.Container{TTY: tty}, from)
	fail(err)
	<-r.Drained()
	fail(queue.Close(ctx))
	if x := r.Exit(); x.Code != 0 || x.Err != nil {
		fail(fmt.Errorf("it ended with %+v", x))
	}
}

// A process is one that passes a container's output on.
type process struct {
	*exec.Cmd
	lines *bufio.Reader
	said  strings.Builder // on stderr
}

// follow starts one.
func follow(t *testing.T, id engine.ID, notes string, tty bool) *process {
	t.Helper()
	p := &process{Cmd: exec.CommandContext(t.Context(), os.Args[0], successor, string(id), notes, fmt.Sprint(tty))}
	p.Stderr = &p.said
	out, err := p.StdoutPipe()
	if err := errors.Join(err, p.Start()); err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewReader(out)
	return p
}

// read reads so many lines, or as many as there are. A line is written as one, so that not even
// a kill tears it.
func (p *process) read(t *testing.T, n int) (text string) {
	t.Helper()
	for ; n > 0; n-- {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			if line != "" {
				t.Errorf("%q has no end", line)
			}
			break
		}
		text += line
	}
	return text
}

// kill kills it at some moment, after so many lines, and returns all that it has passed on.
func (p *process) kill(t *testing.T, lines int) (text string) {
	t.Helper()
	text = p.read(t, lines)
	moment := 20 * time.Millisecond
	if lines == 0 {
		moment = 400 * time.Millisecond // it may not have begun
	}
	time.Sleep(rand.N(moment)) // any moment is right
	if err := p.Process.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	text += p.read(t, forever)
	if err := p.Wait(); p.said.Len() > 0 || p.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("it has ended before it was killed: %v: %s", err, &p.said)
	}
	return text
}

// ends waits until all lines are passed on, got among them, has the container end, and returns
// all that was passed on.
func (p *process) ends(t *testing.T, s *realRun, got string, size int) string {
	t.Helper()
	for len(got) < size {
		more := p.read(t, 1)
		if got += more; more == "" {
			t.Fatalf("it has ended before all was passed on: %s", &p.said)
		}
	}
	dockertest.Eventually(t, patience, func() (bool, string) { // it heeds signals by then
		_, err := s.engine.Stat(t.Context(), s.ID, "/said")
		return err == nil, fmt.Sprint(err)
	})
	if err := s.engine.Signal(t.Context(), s.ID, "SIGTERM"); err != nil {
		t.Fatal(err)
	}
	got += p.read(t, forever)
	if err := p.Wait(); err != nil {
		t.Errorf("the last process: %v: %s", err, &p.said)
	}
	return got
}

// A supervisor that is killed, at any moment of its life, loses no line, and one at most is passed
// on twice. The container prints all the while.
func TestARealProcessThatIsKilledLosesNoLine(t *testing.T) {
	const kills, lines, longest = 30, 5000, 15
	for _, tty := range []bool{false, true} {
		t.Run(fmt.Sprint("TTY ", tty), func(t *testing.T) {
			command, streams := []string{"lines", fmt.Sprint(lines), "every", "1ms", "stay", "/said", "both"}, []string{"out", "err"}
			if tty { // both are one there
				command, streams = command[:6], streams[:1]
			}
			s := onDocker(t, func(c *engine.Container) { c.TTY = tty }, command...)
			s.Close() // others take it over
			var want, got world
			for i := range lines {
				for _, stream := range streams {
					want.text += fmt.Sprintf("%s: line %d\n", stream, i+1)
				}
			}
			notes := filepath.Join(t.TempDir(), "notes")
			for n := range kills {
				few := 0
				if n%4 > 0 { // no more than are still to come
					few = min(rand.IntN(lines/kills), (len(want.text)-len(got.text))/longest)
				}
				got.text += follow(t, s.ID, notes, tty).kill(t, few)
			}
			before := s.proxy.Calls(logs)
			last := follow(t, s.ID, notes, tty)
			dockertest.Eventually(t, patience, func() (bool, string) { return s.proxy.Calls(logs) > before, "nobody reads its log" })
			got.text = last.ends(t, s, got.text, len(want.text))
			twice := 0
			for _, stream := range streams {
				twice += again(t, got.of(stream), want.of(stream))
			}
			t.Logf("%d lines came twice after %d kills", twice, kills)
			if twice > kills {
				t.Errorf("%d lines came twice after %d kills", twice, kills)
			}
		})
	}
}

// What ended while nobody was there has its last output passed on, where it is not removed.
func TestARealContainerThatHasEndedIsAdopted(t *testing.T) {
	d := dockertest.New(t)
	c := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"lines", "3", "both"}})
	if code := c.Wait(t); code != 0 {
		t.Fatalf("it ended with %d", code)
	}
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var out, errs sink
	r, err := runner.Adopt(t.Context(), runner.Config{
		Engine: retry.New(e, 0, func(retry.Outage) {}), Stdout: &out, Stderr: &errs, Missing: func(why string) { t.Error(why) },
	}, engine.ID(c.ID), engine.Container{}, runner.Position{Passed: [2]int64{7, 14}, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dockertest.Eventually(t, patience, func() (bool, string) {
		select {
		case <-r.Drained():
			return true, ""
		default:
			return false, "its output does not end"
		}
	})
	if x := r.Exit(); x.Code != 0 || x.Err != nil || out.String() != "line 2\nline 3\n" || errs.String() != "line 3\n" {
		t.Errorf("%+v, stdout %q, stderr %q", x, &out, &errs)
	}
}
