package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/podlike/podlike/internal/dockertest"
)

// asTestkit in the environment makes this test binary behave as testkit.
const asTestkit = "PODLIKE_AS_TESTKIT"

func TestMain(m *testing.M) {
	if os.Getenv(asTestkit) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// testkit is the program as a process of its own. With the race detector in it a
// process would sleep for a second before it exits with 0.
func testkit(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asTestkit+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

func TestCommandsEndAsTheySay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for name, test := range map[string]struct {
		why    string
		args   []string
		code   int
		stdout string
	}{
		"Exit":         {"the code is the argument", []string{"exit", "7"}, 7, ""},
		"ExitLater":    {"options are words", []string{"exit", "3", "after", "1ms"}, 3, ""},
		"ExitOfWhat":   {"a code that is none is a mistake in the test", []string{"exit", "x"}, 2, ""},
		"Kill":         {"-1 is how os/exec calls a death by signal", []string{"kill"}, -1, ""},
		"Lines":        {"lines are numbered from 1", []string{"lines", "2"}, 0, "line 1\nline 2\n"},
		"LinesPrefix":  {"the prefix tells components apart", []string{"lines", "2", "prefix", "a-", "every", "1ms"}, 0, "a-1\na-2\n"},
		"Partial":      {"the last line of a stream need not end", []string{"partial", "half a"}, 0, "half a"},
		"Long":         {"the length is without the line's end", []string{"long", "12"}, 0, "012345678901\n"},
		"Flash":        {"one line and out", []string{"flash", "hi"}, 0, "hi\n"},
		"ExistsNot":    {"1 is an unhealthy health check", []string{"exists", file + "none"}, 1, ""},
		"Touch":        {"made by one process, seen by another", []string{"touch", file}, 0, ""},
		"GetNothing":   {"no answer is no success", []string{"get", "http://127.0.0.1:1/"}, 1, ""},
		"GRPCWhere":    {"a server has an address", []string{"grpc"}, 2, ""},
		"UnknownWords": {"what a command does not know it ignores", []string{"exit", "0", "--pattern", "/var/*.log"}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout bytes.Buffer
			cmd := testkit(t, test.args...)
			cmd.Stdout = &stdout
			cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != test.code || stdout.String() != test.stdout {
				t.Errorf("got %d and %q, want %d and %q: %s", code, stdout.String(), test.code, test.stdout, test.why)
			}
		})
	}
}

func TestLinesOnBothStreamsAreTheSame(t *testing.T) {
	var stdout, stderr bytes.Buffer
	cmd := testkit(t, "lines", "1000", "both")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != stderr.String() || strings.Count(stdout.String(), "\n") != 1000 {
		t.Errorf("%d bytes on stdout, %d on stderr", stdout.Len(), stderr.Len())
	}
}

func TestHistoryTellsWhoGotWhichSignal(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		signal os.Signal
		words  []string
		want   []string
	}{
		"Term":   {"the usual way to end", unix.SIGTERM, nil, []string{"web started", "web term"}},
		"Usr1":   {"a component may have a stop signal of its own", unix.SIGUSR1, nil, []string{"web started", "web usr1"}},
		"Linger": {"between the signal and the end is the time others must wait", unix.SIGTERM, []string{"linger", "1ms"}, []string{"web started", "web term", "web exit"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, health := filepath.Join(dir, "history"), filepath.Join(dir, "health")
			cmd := testkit(t, append([]string{"history", file, "web", "health", health}, test.words...)...)
			start(t, cmd)
			wait([]string{health})
			cmd.Process.Signal(test.signal)
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v, want a clean end", err)
			}
			if got := events(t, file); strings.Join(got, ",") != strings.Join(test.want, ",") {
				t.Errorf("got %q, want %q: %s", got, test.want, test.why)
			}
		})
	}
}

// Whoever is asked to end twice can tell.
func TestHistoryTellsOfASecondSignal(t *testing.T) {
	dir := t.TempDir()
	file, health := filepath.Join(dir, "history"), filepath.Join(dir, "health")
	cmd := testkit(t, "history", file, "web", "health", health, "linger", "1s")
	start(t, cmd)
	wait([]string{health})
	for i, signal := range []string{"TERM", "INT", "TERM"} {
		if code := send([]string{strconv.Itoa(cmd.Process.Pid), signal}); code != 0 {
			t.Fatalf("%s cannot be sent: %d", signal, code)
		}
		dockertest.Eventually(t, 10*time.Second, func() (bool, string) {
			got := events(t, file)
			return len(got) == i+2, strings.Join(got, ",")
		})
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want a clean end", err)
	}
	if got := events(t, file); strings.Join(got, ",") != "web started,web term,web int,web term,web exit" {
		t.Errorf("got %q", got)
	}
}

func TestASignalNeedsAProcessAndAName(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		args []string
		code int
	}{
		"Nobody":  {"nobody is asked", nil, 2},
		"NoName":  {"and by what", []string{"1"}, 2},
		"Unknown": {"this is no signal", []string{"1", "term"}, 2},
		"Gone":    {"no process has that number", []string{"4194305", "TERM"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if code := send(test.args); code != test.code {
				t.Errorf("got %d, want %d: %s", code, test.code, test.why)
			}
		})
	}
}

func TestLiveTellsWhereItIsInItsLife(t *testing.T) {
	whole := []string{"web starting", "web started", "web exiting", "web exited"}
	for name, test := range map[string]struct {
		why   string
		words []string
		codes []int // of one run after the other
		want  []string
	}{
		"ByItself": {"an init component ends by itself", []string{"for", "1ms"}, []int{0}, whole},
		"Code":     {"and may fail", []string{"for", "1ms", "code", "3"}, []int{3}, whole},
		"Times":    {"what has failed may succeed in the end", []string{"for", "0s", "code", "3", "times", "1"}, []int{3, 0}, append(whole, whole...)},
		"Linger":   {"others may have to wait for its end", []string{"for", "0s", "linger", "1ms"}, []int{0}, whole},
		"NoCode":   {"a code that is none is a mistake in the test", []string{"code", "x"}, []int{2}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			for _, want := range test.codes {
				cmd := testkit(t, append([]string{"live", file, "web"}, test.words...)...)
				cmd.Run()
				if code := cmd.ProcessState.ExitCode(); code != want {
					t.Errorf("ended with %d, want %d: %s", code, want, test.why)
				}
			}
			if got := events(t, file); strings.Join(got, ",") != strings.Join(test.want, ",") {
				t.Errorf("got %q, want %q: %s", got, test.want, test.why)
			}
		})
	}
}

func TestLiveEndsOnASignalWhenItMay(t *testing.T) {
	dir := t.TempDir()
	file, health, may := filepath.Join(dir, "log"), filepath.Join(dir, "health"), filepath.Join(dir, "may")
	cmd := testkit(t, "live", file, "web", "health", health, "after", "1ms", "until", may)
	start(t, cmd)
	wait([]string{health})
	cmd.Process.Signal(unix.SIGTERM)
	dockertest.Eventually(t, 10*time.Second, func() (bool, string) {
		got := events(t, file)
		return len(got) == 3, strings.Join(got, ",")
	})
	touch([]string{may})
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want a clean end", err)
	}
	if got := events(t, file); strings.Join(got, ",") != "web starting,web started,web exiting,web exited" {
		t.Errorf("got %q", got)
	}
}

// events are the lines of a history without their times, which must not go back.
func events(t *testing.T, file string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var last int64
	for line := range strings.Lines(string(content)) {
		var at int64
		var name, what string
		if _, err := fmt.Sscanf(line, "%d %s %s\n", &at, &name, &what); err != nil || at < last {
			t.Errorf("line %q after %d: %v", line, last, err)
		}
		last, all = at, append(all, name+" "+what)
	}
	return all
}

func TestSleepEndsCleanlyOnASignalAndIgnoreDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		why, command string
		ends         bool
	}{
		"Sleep":  {"a component that does as told", "sleep", true},
		"Ignore": {"a component that has to be killed", "ignore", false},
	} {
		t.Run(name, func(t *testing.T) {
			health := filepath.Join(t.TempDir(), "health")
			cmd := testkit(t, test.command, "health", health)
			start(t, cmd)
			wait([]string{health})
			cmd.Process.Signal(unix.SIGTERM)
			if !test.ends {
				cmd.Process.Signal(unix.SIGINT)
				cmd.Process.Signal(unix.SIGKILL)
			}
			if err := cmd.Wait(); (err == nil) != test.ends {
				t.Errorf("ended with %v: %s", err, test.why)
			}
		})
	}
}

// Orphans are nobody's here, so they come to the nearest reaper above: this test.
func TestEveryOrphanComesToTheReaper(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	const n = 250
	cmd := testkit(t, "orphans", fmt.Sprint(n), "burst", "100")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	if said, _ := bufio.NewReader(stdout).ReadString('\n'); said != "left 250\n" {
		t.Errorf("said %q", said)
	}
	for i := range n {
		if pid, err := unix.Wait4(-1, nil, 0, nil); err != nil || pid == cmd.Process.Pid {
			t.Fatalf("after %d orphans: pid %d, %v", i, pid, err)
		}
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil || pid != 0 {
		t.Errorf("one more than asked for: pid %d, %v", pid, err)
	}
	cmd.Process.Signal(unix.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want a clean end", err)
	}
}

func TestASiteFailsUntilItIsToldNotTo(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	for _, step := range []struct {
		page string
		want int
	}{{"/", 200}, {"/fail", 200}, {"/", 500}, {"/env", 500}, {"/ok", 200}, {"/", 200}, {"/file?path=/none", 404}} {
		answer, err := http.Get(server.URL + step.page)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if answer.StatusCode != step.want {
			t.Errorf("%s answers %d, want %d", step.page, answer.StatusCode, step.want)
		}
	}
}

func TestASiteAnswersAsItIsAsked(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, test := range []struct {
		why, page string
		code      int
		to        string
	}{
		{"any code will do", "/status?code=503", 503, ""},
		{"also one without a body", "/status?code=204", 204, ""},
		{"a code that is none is a mistake in the test", "/status?code=12", 400, ""},
		{"a redirect may lead anywhere", "/redirect?to=http://example.com/a", 302, "http://example.com/a"},
		{"or nowhere", "/redirect", 302, "/redirect"},
		{"a slow answer is one", "/slow?for=1ms", 200, ""},
		{"a duration that is none is a mistake in the test", "/slow?for=ever", 400, ""},
	} {
		answer, err := client.Get(server.URL + test.page)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if to := answer.Header.Get("Location"); answer.StatusCode != test.code || to != test.to {
			t.Errorf("%s answers %d and leads to %q, want %d and %q: %s", test.page, answer.StatusCode, to, test.code, test.to, test.why)
		}
	}
}

// Who does not wait is not waited for: closing the server would take an hour.
func TestASlowAnswerEndsWithItsReader(t *testing.T) {
	server := httptest.NewServer(site())
	defer server.Close()
	client := http.Client{Timeout: 50 * time.Millisecond}
	answer, err := client.Get(server.URL + "/slow?for=1h")
	if err == nil {
		answer.Body.Close()
		t.Errorf("answered %s", answer.Status)
	}
}

// asked is what a health check of a service gets.
func asked(t *testing.T, address, service string) string {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
	if err != nil {
		return status.Code(err).String()
	}
	return answer.GetStatus().String()
}

func TestGRPCServesWhileItsFileIsThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := testkit(t, "grpc", address, file)
	start(t, cmd)
	for _, step := range []struct {
		why, service, want string
		change             func() error
	}{
		{"there is none yet", "", "NOT_SERVING", func() error { return nil }},
		{"there it is", "", "SERVING", func() error { return os.WriteFile(file, nil, 0o644) }},
		{"the service is as the server", "testkit", "SERVING", func() error { return nil }},
		{"it has no other", "other", "NotFound", func() error { return nil }},
		{"it is gone", "testkit", "NOT_SERVING", func() error { return os.Remove(file) }},
	} {
		if err := step.change(); err != nil {
			t.Fatal(err)
		}
		if got := asked(t, address, step.service); got != step.want {
			t.Errorf("%q is %s, want %s: %s", step.service, got, step.want, step.why)
		}
	}
	cmd.Process.Signal(unix.SIGTERM)
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, want a clean end", err)
	}
}

func TestGRPCWithoutAFileServes(t *testing.T) {
	if got := (doctor{}).now(); got != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("it is %v", got)
	}
}

// What prints and stays is ended by a signal, but not before all is printed.
func TestWhatPrintsStaysWhenAsked(t *testing.T) {
	for name, test := range map[string]struct {
		why, want string
		args      []string
	}{
		"Lines":   {"all lines are out before the file is there", "line 1\nline 2\n", []string{"lines", "2"}},
		"Partial": {"a line without an end is out as well", "half", []string{"partial", "half"}},
		"Long":    {"and a long one", "012\n", []string{"long", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "printed")
			cmd := testkit(t, append(test.args, "stay", file)...)
			var stdout bytes.Buffer
			cmd.Stdout = &stdout
			start(t, cmd)
			wait([]string{file})
			cmd.Process.Signal(unix.SIGTERM)
			if err := cmd.Wait(); err != nil || stdout.String() != test.want {
				t.Errorf("ended with %v after %q, want %q: %s", err, stdout.String(), test.want, test.why)
			}
		})
	}
}

func TestFindSeesAProcessByItsArguments(t *testing.T) {
	ready := filepath.Join(t.TempDir(), "ready")
	sleeper := testkit(t, "sleep", "health", ready)
	start(t, sleeper)
	wait([]string{ready})
	find := func(text string) string {
		out, _ := testkit(t, "find", text).Output()
		return string(out)
	}
	if got, want := find(ready), fmt.Sprint(sleeper.Process.Pid); !strings.HasPrefix(got, want+" ") || strings.Count(got, "\n") != 1 {
		t.Errorf("found %q, want %s only", got, want)
	}
	if got := find(ready + "none"); got != "" {
		t.Errorf("found %q, want nothing", got)
	}
}

func TestDialTellsWhoAnswers(t *testing.T) {
	name := fmt.Sprintf("@podlike-test-%d", os.Getpid())
	for _, test := range []struct{ why, name, answer, want string }{
		{"an answer is shown", name + "-a", "fine\n", "fine"},
		{"a connection that is closed at once is no answer", name + "-b", "", "no answer"},
	} {
		l, err := net.Listen("unix", test.name)
		if err != nil {
			t.Fatal(err)
		}
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			if conn, err := l.Accept(); err == nil {
				io.WriteString(conn, test.answer)
				conn.Close()
			}
		}()
		out, err := testkit(t, "dial", test.name).Output()
		if want := test.name + ": " + test.want; err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("printed %q, %v, want %q: %s", out, err, want, test.why)
		}
		l.Close()
		<-answered
	}
}

func TestAProcessHasOddNames(t *testing.T) {
	for name, test := range map[string]struct{ why, stat, want string }{
		"Plain":       {"the usual", "7 (sh) S 1 7 7", "7 S sh"},
		"Parentheses": {"a program may call itself anything", "8 (a) Z (b) R 1 8", "8 R a) Z (b"},
		"Zombie":      {"what tests look for", "9 (testkit) Z 1 9", "9 Z testkit"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := process(test.stat); got != test.want {
				t.Errorf("got %q, want %q: %s", got, test.want, test.why)
			}
		})
	}
}

// start starts a process that is killed at the latest when the test is over.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // a test that counts its children would find it; an error if the test has waited
	})
}
