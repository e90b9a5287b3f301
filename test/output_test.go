package test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/dockertest"
)

// of are the lines that one component has printed on one of a supervisor's streams.
func of(stream, mark, component string) string {
	prefix := "[" + mark + "] " + component + ": "
	var own strings.Builder
	for line := range strings.Lines(stream) {
		if rest, is := strings.CutPrefix(line, prefix); is {
			own.WriteString(rest)
		}
	}
	return own.String()
}

// numbered are the lines that testkit prints for `lines N prefix P`.
func numbered(n int, prefix string) string {
	var all strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&all, "%s%d\n", prefix, i)
	}
	return all.String()
}

// same compares what arrived with what was printed, and shows where they part.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	shown := func(s string) string { return s[max(at-20, 0):min(at+20, len(s))] }
	t.Errorf("%s: %d bytes arrived of %d; they part at %d: %q and %q", what, len(got), len(want), at, shown(got), shown(want))
}

// whenPrinted is a component that stays when it has printed and is healthy then, so
// that a healthy pod has printed all.
func whenPrinted(command string, more ...string) string {
	return kit(command+" stay /printed", append(more, whenThere("/printed"))...)
}

// overheard runs a supervisor and listens to its stdout, since an engine may be set
// up to keep but the last megabytes of a log. When the supervisor has exited printed
// returns all of it.
func overheard(t *testing.T, d *dockertest.Engine, cs components, flags ...string) (s supervisor, printed func() string) {
	t.Helper()
	s = supervisorIn(d, d.Create(t, d.Supervisor(t, cs.labels(), flags...)))
	stream, err := d.Client().ContainerAttach(t.Context(), s.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatalf("cannot attach to the supervisor: %v", err)
	}
	t.Cleanup(stream.Close)
	var stdout bytes.Buffer
	ended := make(chan error, 1)
	go func() { // over when the stream is
		_, err := stdcopy.StdCopy(&stdout, io.Discard, stream.Reader)
		ended <- err
	}()
	s.Start(t)
	return s, func() string {
		if err := <-ended; err != nil {
			t.Fatalf("cannot read what the supervisor prints: %v", err)
		}
		return stdout.String()
	}
}

func TestEveryLineOfTenComponentsArrivesInOrder(t *testing.T) {
	t.Parallel()
	const n = 100_000
	cs := components{}
	for i := range 10 {
		cs[fmt.Sprint("c", i)] = whenPrinted(fmt.Sprintf("lines %d prefix c%d-", n, i))
	}
	s, printed := overheard(t, dockertest.New(t), cs, "-logs")
	s.waitHealthy(t)
	s.terminated(t)
	stdout := printed()
	for name := range cs {
		same(t, name, of(stdout, "out", name), numbered(n, name+"-"))
	}
}

// parts are the lines in which a very long one arrives.
func parts(line string) string {
	var all strings.Builder
	for part := range slices.Chunk([]byte(line), 64<<10) {
		fmt.Fprintf(&all, "%s\n", part)
	}
	return all.String()
}

func TestLinesOfAnyKindArrive(t *testing.T) {
	t.Parallel()
	const megabyte = 1_000_000
	long := parts(strings.Repeat("0123456789", megabyte/10))
	cs := components{
		"both":        whenPrinted("lines 2000 both"),
		"long":        whenPrinted(fmt.Sprint("long ", megabyte)),
		"long-tty":    whenPrinted(fmt.Sprint("long ", megabyte), "tty: true"),
		"lines-tty":   whenPrinted("lines 2000", "tty: true"),
		"partial":     whenPrinted("partial '  half a line'"),
		"partial-tty": whenPrinted("partial '  half a line'", "tty: true"),
		"silent":      whenPrinted("lines 0"),
		"unlogged":    whenPrinted("lines 2000", "logging: {driver: none}"),
	}
	s := podOf(t, dockertest.New(t), cs, "-logs")
	s.waitHealthy(t)
	s.terminated(t)
	stdout, stderr := s.Logs(t)
	for name, want := range map[string]string{
		"both": numbered(2000, "line "), "lines-tty": numbered(2000, "line "), "silent": "", "unlogged": numbered(2000, "line "),
		"long": long, "long-tty": long, "partial": "  half a line\n", "partial-tty": "  half a line\n",
	} {
		same(t, name, of(stdout, "out", name), want)
	}
	same(t, "both on stderr", of(stderr, "err", "both"), numbered(2000, "line "))
}

func TestTheOutputOfAComponentThatIsGoneAtOnceArrives(t *testing.T) {
	for name, more := range map[string][]string{"Plain": nil, "TTY": {"tty: true"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			for range 5 { // a race is not lost every time
				s := podOf(t, d, components{"flash": kit("flash hello", more...)}, "-logs")
				if code := s.Wait(t); code != 0 {
					t.Errorf("exited with %d", code)
				}
				stdout, _ := s.Logs(t)
				same(t, "flash", stdout, "[out] flash: hello\n")
			}
		})
	}
}

func TestWithoutLogsTheOutputStaysWithTheComponents(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"flash": kit("flash hello")})
	s.Wait(t)
	if stdout, _ := s.Logs(t); stdout != "" {
		t.Errorf("the supervisor printed %q", stdout)
	}
}

// An attached client that does not read, such as a stopped `docker run`, keeps the engine
// from reading, and the engine the supervisor from printing. The engine itself says that
// a container has ended only when that client has read or gone, whatever has run in it.
func TestAStopIsNotLateForAReaderWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{"loud": kit("lines 100000000"), "web": kit("sleep")}.labels(), "-logs")
	s := supervisorIn(d, d.Create(t, spec))
	stream, err := d.Client().ContainerAttach(t.Context(), s.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatalf("cannot attach to the supervisor: %v", err)
	}
	t.Cleanup(stream.Close)
	s.Start(t)
	printed := func() int { stdout, _ := s.Logs(t); return len(stdout) }
	dockertest.Eventually(t, soon, func() (bool, string) {
		before := printed()
		time.Sleep(500 * time.Millisecond) // nothing tells that nothing more comes
		after := printed()
		return after > 1<<20 && after == before, fmt.Sprintf("%d bytes are printed, and go on", after)
	})

	asked := time.Now()
	var stopping sync.WaitGroup
	defer stopping.Wait()
	stopping.Go(func() { s.Stop(t, budget) })
	s.gone(t, budget)
	stream.Close()
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	ended, err := time.Parse(time.RFC3339Nano, s.Inspect(t).State.FinishedAt)
	if took := ended.Sub(asked); err != nil || took > budget {
		t.Errorf("ended after %v, %v", took, err)
	}
}
