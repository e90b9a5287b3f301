package dockertest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/dockertest"
)

// clientOf is a client of the engine behind a proxy.
func clientOf(t *testing.T, p *dockertest.Proxy) *client.Client {
	t.Helper()
	cli, err := client.NewClientWithOpts(client.WithHost("unix://"+p.Socket()), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cli.Close() })
	return cli
}

// attachTo attaches to a container through a proxy.
func attachTo(t *testing.T, cli *client.Client, id string, stdin bool) types.HijackedResponse {
	t.Helper()
	a, err := cli.ContainerAttach(t.Context(), id, container.AttachOptions{Stream: true, Stdin: stdin, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func TestAContainerRunsThroughAProxyAsWithoutOne(t *testing.T) {
	d := dockertest.New(t)
	cli := clientOf(t, d.Proxy(t))
	c := d.Create(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"lines", "20000", "both"}})
	stream := attachTo(t, cli, c.ID, false)
	codes, errs := cli.ContainerWait(t.Context(), c.ID, container.WaitConditionNextExit)
	if err := cli.ContainerStart(t.Context(), c.ID, container.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, &stderr, stream.Reader); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&want, "line %d\n", i+1)
	}
	if stdout.String() != want.String() || stderr.String() != want.String() {
		t.Errorf("%d and %d bytes arrived of %d, or others", stdout.Len(), stderr.Len(), want.Len())
	}
	select {
	case got := <-codes:
		if got.StatusCode != 0 {
			t.Errorf("exited with %d", got.StatusCode)
		}
	case err := <-errs:
		t.Error(err)
	}
}

// The end of what is written to a container is not the end of what it prints.
func TestAHalfClosedAttachGoesThroughAProxy(t *testing.T) {
	d := dockertest.New(t)
	cli := clientOf(t, d.Proxy(t))
	c := d.Create(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"cat", "/dev/stdin"}, OpenStdin: true, StdinOnce: true})
	stream := attachTo(t, cli, c.ID, true)
	c.Start(t)
	said := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	written := make(chan error, 1)
	go func() { // over when all is written, or the test
		_, err := stream.Conn.Write(said)
		if err == nil {
			err = stream.CloseWrite()
		}
		written <- err
	}()
	var stdout bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, io.Discard, stream.Reader); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil || !bytes.Equal(stdout.Bytes(), said) {
		t.Errorf("%d bytes came back of %d, or others: %v", stdout.Len(), len(said), err)
	}
	if code := c.Wait(t); code != 0 {
		t.Errorf("exited with %d", code)
	}
}

func TestAnExecGoesThroughAProxy(t *testing.T) {
	d := dockertest.New(t)
	cli := clientOf(t, d.Proxy(t))
	c := d.Run(t, sleeping)
	made, err := cli.ContainerExecCreate(t.Context(), c.ID, container.ExecOptions{Cmd: []string{"/testkit", "flash", "hello"}, AttachStdout: true})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := cli.ContainerExecAttach(t.Context(), made.ID, container.ExecAttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var stdout bytes.Buffer
	if _, err := stdcopy.StdCopy(&stdout, io.Discard, stream.Reader); err != nil || stdout.String() != "hello\n" {
		t.Errorf("printed %q, %v", stdout.String(), err)
	}
}

// A cut is the end of what a client hears, and of nothing else.
func TestACutEndsAttachAndWaitAndLeavesTheContainerAlone(t *testing.T) {
	d := dockertest.New(t)
	p := d.Proxy(t)
	cli := clientOf(t, p)
	c := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"lines", "100000", "every", "5ms"}, TTY: true})
	stream := attachTo(t, cli, c.ID, false)
	codes, errs := cli.ContainerWait(t.Context(), c.ID, container.WaitConditionNextExit)
	if line, err := stream.Reader.ReadString('\n'); err != nil {
		t.Fatalf("read %q, %v", line, err)
	}
	if hits := p.Suffer(t.Context(), dockertest.Fault{Kind: dockertest.Cut}); hits < 2 {
		t.Errorf("%d connections were cut", hits)
	}
	if _, err := io.Copy(io.Discard, stream.Reader); err != nil {
		t.Logf("the attach has ended with %v", err) // or with a plain end: a socket on this machine has no reset
	}
	select {
	case got := <-codes:
		t.Errorf("a wait that was cut tells an end, with %d", got.StatusCode)
	case <-errs:
	case <-time.After(10 * time.Second):
		t.Error("the wait goes on")
	}
	if !c.Running(t) {
		t.Error("the container has ended")
	}
	if line, err := bufio.NewReader(attachTo(t, cli, c.ID, false).Reader).ReadString('\n'); err != nil || !strings.HasPrefix(line, "line ") {
		t.Errorf("attached again and read %q, %v", line, err)
	}
}

// A container sees the proxy in place of the engine, also after it has listened anew.
func TestAContainerHasTheProxyInPlaceOfTheEngine(t *testing.T) {
	d := dockertest.New(t)
	p := d.Proxy(t)
	spec := p.Between(d.Supervisor(t, map[string]string{"pod.component.web": "{image: " + dockertest.Testkit + ", command: sleep}"}))
	p.Inject(dockertest.Fault{Kind: dockertest.Refuse})() // nobody has connected yet; the socket is another one now
	s := d.Run(t, spec)
	dockertest.Eventually(t, 30*time.Second, func() (bool, string) {
		return strings.Contains(s.Output(t), "pod running"), s.Output(t)
	})
	if n := p.Calls(dockertest.Call{Method: "POST", Path: "/containers/*/start"}); n < 2 {
		t.Errorf("the proxy has seen %d starts, of pause and a component", n)
	}
	s.Stop(t, 10*time.Second)
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d", code)
	}
}

func TestAFailedTestTellsWhatItsProxyDid(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		fail bool
	}{
		"Failed": {"which fault came before which call is what one has to know", true},
		"Passed": {"what went well needs no words", false},
	} {
		t.Run(name, func(t *testing.T) {
			told := record(t, func(r *recorder) {
				p := dockertest.New(r).Proxy(r)
				end := p.Inject(dockertest.FailOnce(dockertest.Call{Path: "/info"}))
				if _, err := clientOf(t, p).Info(t.Context()); err == nil || !strings.Contains(err.Error(), "chaos") {
					t.Errorf("the call has ended with %v", err)
				}
				end()
				if test.fail {
					r.Errorf("something else is wrong")
				}
			})
			for _, want := range []string{"begins: answer 500 to any /info 1 times", "GET /info: struck by answer", "ends: answer 500 to any /info 1 times; hits: 1"} {
				if strings.Contains(told.text(), want) != test.fail {
					t.Errorf("told %q: %v; %s. Told:\n%s", want, !test.fail, test.why, told.text())
				}
			}
		})
	}
}
