// Package enginetest is the engine port's contract as a test: what package
// supervise relies on, and the fake and the real engine must both do. It knows no
// engine but through the port.
package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// patience is how long anything may take: it ends tests that hang.
const patience = 30 * time.Second

// A Subject is an engine under test. It has the image dockertest.Testkit, and no
// image of the name Missing.
type Subject struct {
	engine.Engine
	// Labels are put on everything that is made.
	Labels map[string]string
}

// Missing is an image that no engine has.
const Missing = "podlike/missing:none"

// Run tests an engine. Open is called for each subtest, and the engine has to
// remove what carries its labels afterwards.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, law := range map[string]func(*suite){
		"WhatIsNotThereIsNotFound":                       (*suite).notFound,
		"ContainersAreFoundByTheirLabels":                (*suite).labels,
		"CreateWarns":                                    (*suite).warns,
		"ANameIsTakenOnce":                               (*suite).names,
		"ANameIsFreeAfterItsContainerWasRemoved":         (*suite).freedNames,
		"WhatIsGoneCanBeRemovedAgain":                    (*suite).removedTwice,
		"WhatDoesNotRunCanBeStopped":                     (*suite).stoppedTwice,
		"WhatRunsCanBeStartedAgain":                      (*suite).startedTwice,
		"StopAsks":                                       (*suite).stopAsks,
		"StopKillsWhenTheGraceIsOver":                    (*suite).stopKills,
		"AWaitLearnsTheCodeOfWhatEndsAtOnce":             (*suite).flash,
		"AWaitEndsWhenTheContainerIsRemovedBeforeAStart": (*suite).removedUnstarted,
		"EveryByteArrivesAndStreamsAreApart":             (*suite).output,
		"ATerminalHasOneStream":                          (*suite).terminal,
		"AMissingCommandIsTold":                          (*suite).noCommand,
		"ACommandThatCannotBeExecutedIsTold":             (*suite).cannotExecute,
		"AfterItsEndAContainerIsGone":                    (*suite).gone,
		"WhatIsInMemoryCanBeMountedFromThere":            (*suite).memory,
		"NamedVolumesStay":                               (*suite).volumes,
		"AJoinerNeedsARunningTarget":                     (*suite).joinNeedsTarget,
		"WhoseNetworkAContainerHasJoinedIsSeen":          (*suite).joinersAreSeen,
		"JoinersDieWithThePIDNamespace":                  (*suite).joinersDie,
		"StdinEndsWithItsAttachment":                     (*suite).lease,
		"StdinCanEndBeforeTheOutput":                     (*suite).halfClosed,
		"ATerminalHasTheSizeItIsTold":                    (*suite).resized,
		"PutMakesParentsThatAllCanRead":                  (*suite).put,
		"ReadReturnsTheEndOfAFile":                       (*suite).read,
		"WatchTellsAllAndThenEachChange":                 (*suite).watch,
		"WatchTellsOfLackOfMemoryBeforeTheDeath":         (*suite).starve,
		"AContainerShowsWhenItWasStarted":                (*suite).times,
		"WhatWasNotStartedGoesWithItsOwner":              (*suite).wills,
		"WhatWasNotStartedInTimeGoes":                    (*suite).startWithin,
		"ExecReturnsTheCode":                             (*suite).execCode,
		"ExecPassesOutputOn":                             (*suite).execOutput,
		"ExecEndsWithItsContext":                         (*suite).execContext,
		"ExecEndsWithItsContainer":                       (*suite).execContainer,
		"EveryCallEndsWithItsContext":                    (*suite).contexts,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			law(&suite{T: t, Subject: open(t)})
		})
	}
}

// A suite is one subtest.
type suite struct {
	*testing.T
	Subject
}

// must fails the test at an error.
func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is checks what kind of error it is.
func (s *suite) is(err, kind error, what string) {
	s.Helper()
	if !errors.Is(err, kind) {
		s.Errorf("%s: got error %v, want %v", what, err, kind)
	}
}

// kit is a container of testkit that is to run a command.
func (s *suite) kit(command ...string) engine.Container {
	return engine.Container{
		Name: "podlike-test-" + strings.ToLower(rand.Text()[:12]), Image: dockertest.Testkit,
		Labels: s.Labels, Command: command, StopGrace: time.Second,
	}
}

func (s *suite) create(c engine.Container) engine.ID {
	s.Helper()
	id, _, err := s.Create(s.Context(), c)
	s.must(err)
	return id
}

// begin creates and starts a container, waiting for its end from before its start.
func (s *suite) begin(c engine.Container) (engine.ID, <-chan engine.Exit) {
	s.Helper()
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	return id, end
}

// ends checks the exit code of a container.
func (s *suite) ends(end <-chan engine.Exit, code int) {
	s.Helper()
	select {
	case x := <-end:
		if x.Err != nil || x.Code != code {
			s.Errorf("ended with %d, %v, want %d", x.Code, x.Err, code)
		}
	case <-time.After(patience):
		s.Fatal("still runs")
	}
}

// vanishes waits until a container is gone by itself.
func (s *suite) vanishes(ref string) {
	s.Helper()
	dockertest.Eventually(s, patience, func() (bool, string) {
		_, err := s.Inspect(s.Context(), ref)
		return errors.Is(err, engine.ErrNotFound), ref + " is there"
	})
}

func (s *suite) notFound() {
	const none = "podlike-test-none"
	ctx := s.Context()
	_, err := s.Inspect(ctx, none)
	s.is(err, engine.ErrNotFound, "Inspect")
	_, err = s.Image(ctx, Missing)
	s.is(err, engine.ErrNotFound, "Image")
	_, err = s.Image(ctx, "NONE/none") // a host to some engines, and no name at all to others
	s.is(err, engine.ErrNotFound, "Image")
	_, err = s.Volume(ctx, none)
	s.is(err, engine.ErrNotFound, "Volume")
	_, err = s.Wait(ctx, none)
	s.is(err, engine.ErrNotFound, "Wait")
	if _, err = s.Attach(ctx, none, engine.Container{}); err == nil {
		s.Error("attached to nothing")
	}
	s.is(s.Start(ctx, none), engine.ErrNotFound, "Start")
	s.is(s.Put(ctx, none, "/", new(bytes.Buffer)), engine.ErrNotFound, "Put")

	c := s.kit("sleep")
	c.Image = Missing
	_, _, err = s.Create(ctx, c)
	s.is(err, engine.ErrNotFound, "Create of a missing image")
	s.vanishes(c.Name)
}

func (s *suite) labels() {
	c := s.kit("sleep")
	c.Labels = map[string]string{"podlike.test.case": c.Name}
	for key, value := range s.Labels {
		c.Labels[key] = value
	}
	id := s.create(c)
	for name, test := range map[string]struct {
		why    string
		labels map[string]string
		found  int
	}{
		"Equal":    {"the value is the wanted one", map[string]string{"podlike.test.case": c.Name}, 1},
		"Other":    {"the value is another one", map[string]string{"podlike.test.case": "other"}, 0},
		"Unknown":  {"nothing has such a label", map[string]string{"podlike.test.no.such": ""}, 0},
		"AllOfTwo": {"both have to be there", map[string]string{"podlike.test.case": c.Name, "podlike.test.no.such": ""}, 0},
	} {
		found, err := s.List(s.Context(), test.labels)
		s.must(err)
		if len(found) != test.found {
			s.Errorf("%s: found %d, want %d: %s", name, len(found), test.found, test.why)
		}
	}
	any, err := s.List(s.Context(), map[string]string{"podlike.test.case": ""})
	s.must(err)
	for _, one := range any {
		if one.ID == id {
			s.same(one, c)
			one, err = s.Inspect(s.Context(), c.Name)
			s.must(err)
			s.same(one, c)
			return
		}
	}
	s.Error("an empty value has to stand for any")
}

// same checks that a container was seen as it was asked for.
func (s *suite) same(got engine.Seen, c engine.Container) {
	s.Helper()
	if got.Name != c.Name || got.Image != c.Image || got.Labels["podlike.test.case"] != c.Name || got.Running {
		s.Errorf("saw %+v of %+v", got, c)
	}
}

func (s *suite) warns() {
	c := s.kit("sleep")
	c.Resources.NoOOMKill = true
	_, warnings, err := s.Create(s.Context(), c)
	s.must(err)
	if len(warnings) != 1 || !strings.Contains(warnings[0], "OOM") { // a limit is missing, or the kernel cannot do it
		s.Errorf("warned %q", warnings)
	}
	_, warnings, err = s.Create(s.Context(), s.kit("sleep"))
	s.must(err)
	if len(warnings) > 0 {
		s.Errorf("warned %q of nothing", warnings)
	}
}

func (s *suite) names() {
	c := s.kit("sleep")
	s.create(c)
	if _, _, err := s.Create(s.Context(), c); err == nil {
		s.Error("a second container got the same name")
	}
}

// A container that ends by itself is removed by the engine at the same moment.
func (s *suite) freedNames() {
	c := s.kit("exit", "0")
	for range 5 {
		id, end := s.begin(c)
		s.ends(end, 0)
		s.must(s.Remove(s.Context(), id))
	}
}

func (s *suite) removedTwice() {
	created := s.create(s.kit("sleep"))
	running, _ := s.begin(s.kit("ignore"))
	for _, id := range []engine.ID{created, running} {
		s.must(s.Remove(s.Context(), id))
		_, err := s.Inspect(s.Context(), string(id))
		s.is(err, engine.ErrNotFound, "Inspect after Remove")
		s.must(s.Remove(s.Context(), id))
	}
	s.must(s.RemoveVolume(s.Context(), "podlike-test-none"))
}

func (s *suite) stoppedTwice() {
	id := s.create(s.kit("sleep"))
	s.must(s.Stop(s.Context(), id, time.Second))
	if _, err := s.Inspect(s.Context(), string(id)); err != nil {
		s.Errorf("a stop before the start took it away: %v", err)
	}
	s.must(s.Start(s.Context(), id))
	s.must(s.Stop(s.Context(), id, time.Second))
	s.must(s.Stop(s.Context(), id, time.Second))
}

func (s *suite) startedTwice() {
	id, _ := s.begin(s.kit("sleep"))
	s.must(s.Start(s.Context(), id))
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.Running {
		s.Error("started, but does not run")
	}
}

func (s *suite) stopAsks() {
	c := s.kit("eat", "1") // says so when it listens to signals
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	said := make(first, 1)
	var copying sync.WaitGroup
	copying.Go(func() { _ = stream.Copy(said, said) })
	s.must(s.Start(s.Context(), id))
	<-said
	s.must(s.Stop(s.Context(), id, patience))
	s.ends(end, 0)
	copying.Wait()
	s.must(stream.Close())
}

// first is a writer that is ready when something has been written.
type first chan struct{}

func (f first) Write(p []byte) (int, error) {
	select {
	case f <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (s *suite) stopKills() {
	tales := s.follow()
	id, end := s.begin(s.checked("ignore", "health", "/healthy"))
	s.told(tales, tale{id, health(engine.Healthy)}) // it listens to signals now
	began := time.Now()
	s.must(s.Stop(s.Context(), id, 500*time.Millisecond))
	if took := time.Since(began); took < 900*time.Millisecond {
		s.Errorf("killed after %v, before the grace was over", took)
	}
	s.ends(end, 137)
}

func (s *suite) flash() {
	for _, code := range []int{0, 1, 7, 255} {
		_, end := s.begin(s.kit("exit", strconv.Itoa(code)))
		s.ends(end, code)
	}
}

func (s *suite) removedUnstarted() {
	id := s.create(s.kit("sleep"))
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Remove(s.Context(), id))
	s.ends(end, 0) // the engine knows no better
}

// capture runs a container to its end and returns what it printed.
func (s *suite) capture(c engine.Container) (stdout, stderr string) {
	s.Helper()
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	var out, errs bytes.Buffer
	s.must(stream.Copy(&out, &errs))
	s.ends(end, 0)
	return out.String(), errs.String()
}

func (s *suite) output() {
	out, errs := s.capture(s.kit("lines", "3", "both"))
	if want := "line 1\nline 2\nline 3\n"; out != want || errs != want {
		s.Errorf("stdout %q, stderr %q, want both %q", out, errs, want)
	}
	if out, _ := s.capture(s.kit("partial", "no end")); out != "no end" {
		s.Errorf("got %q of a line without an end", out)
	}
}

func (s *suite) terminal() {
	c := s.kit("lines", "2")
	c.TTY = true
	if out, errs := s.capture(c); out != "line 1\r\nline 2\r\n" || errs != "" {
		s.Errorf("stdout %q, stderr %q", out, errs)
	}
}

func (s *suite) noCommand()     { s.cannotStart("/nope", engine.ErrNoCommand) }
func (s *suite) cannotExecute() { s.cannotStart("/", engine.ErrCannotExecute) }

// cannotStart checks how a start fails, and that nothing is left and nobody waits.
func (s *suite) cannotStart(entrypoint string, kind error) {
	c := s.kit()
	c.Entrypoint = []string{entrypoint}
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	s.is(s.Start(s.Context(), id), kind, entrypoint)
	s.must(stream.Copy(io.Discard, io.Discard))
	select {
	case <-end:
	case <-time.After(patience):
		s.Error("who waits for it waits for ever")
	}
	s.vanishes(c.Name)
}

func (s *suite) gone() {
	c := s.kit("exit", "0")
	c.Mounts = []engine.Mount{{Type: engine.VolumeMount, Target: "/data", Labels: s.Labels}}
	id := s.create(c)
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if len(seen.Volumes()) != 1 {
		s.Fatalf("volumes %q, want one", seen.Volumes())
	}
	v, err := s.Volume(s.Context(), seen.Volumes()[0])
	s.must(err)
	for key, value := range s.Labels {
		if v.Labels[key] != value {
			s.Errorf("volume labels %v, want %v", v.Labels, s.Labels)
		}
	}
	s.must(s.Start(s.Context(), id))
	s.vanishes(c.Name)
	dockertest.Eventually(s, patience, func() (bool, string) {
		_, err := s.Volume(s.Context(), v.Name)
		return errors.Is(err, engine.ErrNotFound), "its volume is there"
	})
}

func (s *suite) volumes() {
	c := s.kit("sleep")
	c.Mounts = []engine.Mount{{Type: engine.VolumeMount, Source: c.Name, Target: "/data", Labels: s.Labels}}
	id := s.create(c)
	if err := s.RemoveVolume(s.Context(), c.Name); err == nil {
		s.Error("a volume in use was removed")
	}
	s.must(s.Remove(s.Context(), id))
	left, err := s.Volumes(s.Context(), s.Labels)
	s.must(err)
	if len(left) != 1 || left[0].Name != c.Name {
		s.Errorf("left %v, want %s", left, c.Name)
	}
	s.must(s.RemoveVolume(s.Context(), c.Name))
	_, err = s.Volume(s.Context(), c.Name)
	s.is(err, engine.ErrNotFound, "Volume after RemoveVolume")
}

// memory is about a file in a tmpfs that one container holds and another mounts.
func (s *suite) memory() {
	holder := s.kit("sleep")
	holder.Mounts = []engine.Mount{{
		Type: engine.VolumeMount, Target: "/memory", Labels: s.Labels,
		Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1m,mode=0700"},
	}}
	id, _ := s.begin(holder)
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if len(seen.Mounts) != 1 || seen.Mounts[0].Target != "/memory" || seen.Mounts[0].ReadOnly {
		s.Fatalf("mounts %+v, want one at /memory", seen.Mounts)
	}
	user := s.kit("cat", "/in/memory")
	user.Mounts = []engine.Mount{{Type: engine.BindMount, Source: seen.Mounts[0].Source + "/file", Target: "/in/memory", MustExist: true, ReadOnly: true}}
	if _, _, err := s.Create(s.Context(), user); err == nil {
		s.Error("created before what it mounts was there")
	}
	s.must(s.Put(s.Context(), id, "/memory", s.archive("file", "hi")))
	if out, _ := s.capture(user); out != "hi" {
		s.Errorf("it reads %q", out)
	}
	s.must(s.Remove(s.Context(), id))
	_, err = s.Volume(s.Context(), seen.Mounts[0].Name)
	s.is(err, engine.ErrNotFound, "the volume of who is gone")
}

// archive is a tar archive of one file with the mode 0640.
func (s *suite) archive(name, content string) io.Reader {
	s.Helper()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	s.must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o640, Size: int64(len(content)), Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte(content))
	s.must(errors.Join(err, w.Close()))
	return &packed
}

// joined is a container that joins the PID namespace of another.
func (s *suite) joined(to engine.ID, command ...string) engine.Container {
	c := s.kit(command...)
	c.PID = to
	return c
}

func (s *suite) joinNeedsTarget() {
	c := s.joined(s.create(s.kit("sleep")), "sleep")
	id := s.create(c)
	if err := s.Start(s.Context(), id); err == nil {
		s.Error("started beside a container that does not run")
	}
	s.vanishes(c.Name)
}

func (s *suite) joinersAreSeen() {
	first := s.create(s.kit("sleep"))
	c := s.kit("sleep")
	c.Network = first
	joiner := s.create(c)
	listed, err := s.List(s.Context(), s.Labels)
	s.must(err)
	for id, network := range map[engine.ID]engine.ID{first: "", joiner: first} {
		inspected, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		at := slices.IndexFunc(listed, func(c engine.Seen) bool { return c.ID == id })
		if inspected.Network != network || at < 0 || listed[at].Network != network {
			s.Errorf("inspected %+v, listed %+v, want network %q", inspected, listed, network)
		}
	}
}

func (s *suite) joinersDie() {
	first, _ := s.begin(s.kit("ignore"))
	_, end := s.begin(s.joined(first, "ignore"))
	s.must(s.Remove(s.Context(), first))
	s.ends(end, 137)
}

func (s *suite) lease() {
	c := s.kit("cat", "/dev/stdin")
	c.Stdin = true
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	_, err = stream.Write([]byte("kept alive\n"))
	s.must(err)
	select {
	case x := <-end:
		s.Fatalf("ended with %v while its stdin was held", x)
	case <-time.After(300 * time.Millisecond):
	}
	s.must(stream.Close())
	s.ends(end, 0)
}

func (s *suite) halfClosed() {
	c := s.kit("cat", "/dev/stdin")
	c.Stdin = true
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	_, err = stream.Write([]byte("both\nways"))
	s.must(errors.Join(err, stream.CloseWrite()))
	var out bytes.Buffer
	s.must(stream.Copy(&out, io.Discard))
	if out.String() != "both\nways" {
		s.Errorf("got %q", out.String())
	}
	s.ends(end, 0)
}

func (s *suite) resized() {
	s.is(s.Resize(s.Context(), "podlike-test-none", 1, 1), engine.ErrNotFound, "Resize")
	c := s.kit("size")
	c.TTY, c.Stdin = true, true
	id := s.create(c)
	if err := s.Resize(s.Context(), id, 1, 1); err == nil {
		s.Error("a terminal that is not there was resized")
	}
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	s.must(s.Resize(s.Context(), id, 12, 345))
	var out bytes.Buffer
	s.must(stream.Copy(&out, io.Discard))
	if out.String() != "12 345\r\n" {
		s.Errorf("the size is %q", out.String())
	}
	s.ends(end, 0)
}

func (s *suite) put() {
	c := s.kit("stat", "/a", "/a/b", "/a/b/file")
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()

	s.must(s.Put(s.Context(), id, "/", s.archive("a/b/file", "hi")))
	s.is(s.Put(s.Context(), id, "/none", new(bytes.Buffer)), engine.ErrNotFound, "Put into no directory")
	for path, want := range map[string]bool{"/": true, "/a/b": true, "/a/b/": true, "/a/b/file": false} {
		if got, err := s.Stat(s.Context(), id, path); got != want || err != nil {
			s.Errorf("Stat of %s: directory %t, error %v; want %t", path, got, err, want)
		}
	}
	for _, path := range []string{"/none", "/a/none", "/a/b/file/none"} {
		_, err := s.Stat(s.Context(), id, path)
		s.is(err, engine.ErrNotFound, "Stat of "+path)
	}

	s.must(s.Start(s.Context(), id))
	var out bytes.Buffer
	s.must(stream.Copy(&out, &out))
	var modes []string
	for line := range strings.Lines(out.String()) {
		mode, _, _ := strings.Cut(line, " ")
		modes = append(modes, mode)
	}
	if got, want := strings.Join(modes, " "), "drwxr-xr-x drwxr-xr-x -rw-r-----"; got != want {
		s.Errorf("modes %s, want %s; all of it:\n%s", got, want, out.String())
	}
}

func (s *suite) read() {
	id := s.create(s.kit("history", "/said", "me")) // writes a line with a time and its name
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	s.must(w.WriteHeader(&tar.Header{Name: "dir/file", Mode: 0o600, Size: 10, Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte("0123456789"))
	s.must(errors.Join(err, w.Close()))
	s.must(s.Put(s.Context(), id, "/", &archive))
	for limit, want := range map[int64]string{4: "6789", 10: "0123456789", 4096: "0123456789", 0: ""} {
		if got, err := s.Read(s.Context(), id, "/dir/file", limit); string(got) != want || err != nil {
			s.Errorf("read %q, %v, want the last %d bytes", got, err, limit)
		}
	}
	_, err = s.Read(s.Context(), id, "/said", 4096)
	s.is(err, engine.ErrNotFound, "Read of no file")
	if _, err = s.Read(s.Context(), id, "/dir", 4096); err == nil || errors.Is(err, engine.ErrNotFound) {
		s.Errorf("a directory was read with %v", err)
	}
	s.must(s.Start(s.Context(), id))
	dockertest.Eventually(s, patience, func() (bool, string) {
		got, err := s.Read(s.Context(), id, "/said", 11)
		return string(got) == "me started\n", fmt.Sprintf("%q, %v", got, err)
	})
	s.must(s.Remove(s.Context(), id))
	_, err = s.Read(s.Context(), id, "/said", 11)
	s.is(err, engine.ErrNotFound, "Read in no container")
}

// checked is a container whose health check looks for a file.
func (s *suite) checked(command ...string) engine.Container {
	c := s.kit(command...)
	c.Health = &engine.Check{Test: []string{"CMD", "/testkit", "exists", "/healthy"}, Interval: 200 * time.Millisecond, Retries: 1}
	return c
}

func (s *suite) watch() {
	well, _ := s.begin(s.checked("sleep", "health", "/healthy"))
	s.told(s.follow(), tale{well, health(engine.Healthy)})
	early := s.follow()
	s.told(early, tale{well, health(engine.Healthy)}) // as it was before
	ill, _ := s.begin(s.checked("sleep"))
	s.told(early, tale{ill, health(engine.Unhealthy)}) // as it is now
	s.must(s.Stop(s.Context(), well, time.Second))
	s.told(early, tale{well, engine.Sign{Kind: engine.SignDied}})
}

func health(h engine.Health) engine.Sign {
	return engine.Sign{Kind: engine.SignHealth, Health: h}
}

func (s *suite) starve() {
	tales := s.follow()
	watched, _ := s.begin(s.checked("sleep"))
	s.told(tales, tale{watched, health(engine.Unhealthy)}) // it is watched from now on
	for range 5 {                                          // an engine under load may learn of it too late
		c := s.kit("eat", strconv.Itoa(64<<20))
		c.Resources.Memory, c.Resources.MemorySwap = 16<<20, 16<<20
		id, end := s.begin(c)
		before := s.told(tales, tale{id, engine.Sign{Kind: engine.SignDied}})
		s.ends(end, 137)
		if slices.Contains(before, tale{id, engine.Sign{Kind: engine.SignOOM}}) {
			return
		}
	}
	s.Error("was told of no lack of memory")
}

func (s *suite) times() {
	before := time.Now()
	id := s.create(s.kit("sleep"))
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.StartedAt.IsZero() || !seen.FinishedAt.IsZero() {
		s.Errorf("started at %v and over at %v, and never ran", seen.StartedAt, seen.FinishedAt)
	}
	s.must(s.Start(s.Context(), id))
	seen, err = s.Inspect(s.Context(), string(id))
	s.must(err)
	if seen.StartedAt.Before(before) || seen.StartedAt.After(time.Now()) || !seen.FinishedAt.IsZero() || seen.OOMKilled {
		s.Errorf("saw %+v of what was started at %v", seen, before)
	}
}

// follow watches all, and passes on what it is told.
func (s *suite) follow() <-chan tale {
	tales := make(chan tale, 1000)
	ctx, cancel := context.WithCancel(s.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		err := s.Watch(ctx, s.Labels, func(id engine.ID, sign engine.Sign) { tales <- tale{id, sign} })
		if ctx.Err() == nil {
			s.Errorf("lost: %v", err)
		}
	})
	s.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return tales
}

// A tale is what a watcher is told.
type tale struct {
	id   engine.ID
	sign engine.Sign
}

// told waits until something is told, and returns what was told before.
func (s *suite) told(tales <-chan tale, wanted tale) (before []tale) {
	s.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-tales:
			if got == wanted {
				return before
			}
			before = append(before, got)
		case <-late:
			s.Fatalf("was not told %v, but %v", wanted, before)
		}
	}
}

func (s *suite) wills() {
	owner, _ := s.begin(s.kit("sleep"))
	owned := func() engine.Container {
		c := s.kit("sleep")
		c.Owner = owner
		return c
	}
	waiting, runs, removed := owned(), owned(), owned()
	s.create(waiting)
	id, _ := s.begin(runs)
	s.must(s.Remove(s.Context(), s.create(removed)))
	s.must(s.Remove(s.Context(), owner))
	s.vanishes(waiting.Name)
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.Running {
		s.Error("what ran has gone with its owner")
	}
}

func (s *suite) startWithin() {
	const within = time.Second
	owner, _ := s.begin(s.kit("sleep"))
	timed := func() engine.Container {
		c := s.kit("sleep")
		c.Owner, c.StartWithin = owner, within
		return c
	}
	waiting, runs := timed(), timed()
	began := time.Now()
	waits := s.create(waiting)
	id, _ := s.begin(runs)
	if seen, err := s.Inspect(s.Context(), string(id)); err != nil || seen.Name != runs.Name {
		s.Errorf("the container %s is called %s, %v", runs.Name, seen.Name, err)
	}
	if _, _, err := s.Create(s.Context(), runs); err == nil {
		s.Error("a second container got the same name")
	}
	s.must(s.Remove(s.Context(), owner)) // its life means nothing here
	s.vanishes(waiting.Name)
	_, err := s.Inspect(s.Context(), string(waits))
	s.is(err, engine.ErrNotFound, "Inspect by its ID")
	if took := time.Since(began); took < within {
		s.Errorf("removed after %v already", took)
	}
	seen, err := s.Inspect(s.Context(), runs.Name)
	s.must(err)
	if !seen.Running {
		s.Error("what ran has gone when the time was over")
	}
}

func (s *suite) execCode() {
	id, _ := s.begin(s.kit("sleep"))
	for _, want := range []int{0, 1, 7, 255} {
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{"/testkit", "exit", strconv.Itoa(want)}})
		if code != want || err != nil {
			s.Errorf("got %d, %v, want %d", code, err, want)
		}
	}
	for _, command := range []string{"/nope", "/"} {
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{command}})
		if code != 126 && code != 127 || err != nil { // old engines do not tell them apart
			s.Errorf("%s: got %d, %v", command, code, err)
		}
	}
	command := engine.Exec{Command: []string{"/testkit", "exit", "0"}}
	if _, err := s.Exec(s.Context(), s.create(s.kit("sleep")), command); err == nil {
		s.Error("ran in what does not run")
	}
	_, err := s.Exec(s.Context(), "podlike-test-none", command)
	s.is(err, engine.ErrNotFound, "Exec in no container")
}

func (s *suite) execOutput() {
	c := s.kit("sleep")
	c.Env = []string{"CITY=Rome", "DRINK=tea"}
	id, _ := s.begin(c)
	run := func(env []string, command ...string) []string {
		var out bytes.Buffer
		code, err := s.Exec(s.Context(), id, engine.Exec{Command: append([]string{"/testkit"}, command...), Env: env, Output: &out})
		if code != 0 || err != nil {
			s.Errorf("%q: got %d, %v", command, code, err)
		}
		return strings.Split(out.String(), "\n")
	}
	lines := run(nil, "lines", "2", "both")
	slices.Sort(lines)
	if got, want := strings.Join(lines, ","), ",line 1,line 1,line 2,line 2"; got != want {
		s.Errorf("got %q, want %q", got, want)
	}
	env := run([]string{"DRINK=wine"}, "env")
	for _, want := range []string{"CITY=Rome", "DRINK=wine"} {
		if !slices.Contains(env, want) {
			s.Errorf("environment %q, want %s", env, want)
		}
	}
}

func (s *suite) execContext() {
	id, _ := s.begin(s.kit("sleep"))
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(s.Context(), time.Second, late)
	defer cancel()
	began := time.Now()
	_, err := s.Exec(ctx, id, engine.Exec{Command: []string{"/testkit", "ignore"}})
	s.is(err, late, "Exec of what does not end")
	if took := time.Since(began); took < time.Second || took > patience/2 {
		s.Errorf("it took %v", took)
	}
	if strings.Contains(err.Error(), "kill") {
		s.Errorf("it may still run: %v", err)
	}
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.Running {
		s.Error("the container has ended with it")
	}
}

func (s *suite) execContainer() {
	id, end := s.begin(s.kit("sleep"))
	var running sync.WaitGroup
	running.Go(func() {
		if code, err := s.Exec(s.Context(), id, engine.Exec{Command: []string{"/testkit", "ignore"}}); code == 0 && err == nil {
			s.Error("it succeeded")
		}
	})
	s.must(s.Remove(s.Context(), id))
	<-end
	running.Wait()
}

func (s *suite) contexts() {
	id, _ := s.begin(s.kit("ignore"))
	ctx, cancel := context.WithCancel(s.Context())
	end, err := s.Wait(ctx, id)
	s.must(err)
	var calls sync.WaitGroup
	for name, call := range map[string]func() error{
		"Stop":  func() error { return s.Stop(ctx, id, time.Hour) },
		"Watch": func() error { return s.Watch(ctx, s.Labels, func(engine.ID, engine.Sign) {}) },
	} {
		calls.Go(func() {
			if err := call(); err == nil {
				s.Errorf("%s returned without an error", name)
			}
		})
	}
	cancel()
	calls.Wait()
	if x := <-end; x.Err == nil {
		s.Errorf("the wait's end is %v, want an error", x)
	}
	if _, _, err := s.Create(ctx, s.kit("sleep")); err == nil {
		s.Error("created when ctx was done")
	}
	s.must(s.Remove(s.Context(), id))
}
