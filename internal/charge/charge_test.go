package charge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// listen listens in the place of pause.
func listen(t *testing.T) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: Address, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// accepts takes the next claim and answers it, with descriptors if there are any.
func accepts(t *testing.T, l *net.UnixListener, claim, answer string, fds ...int) *net.UnixConn {
	t.Helper()
	conn, err := l.AcceptUnix()
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	got := make([]byte, len(claim))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != claim {
		t.Errorf("claimed by %q, %v, want %q", got, err, claim)
	}
	if answer != "" {
		var rights []byte
		if fds != nil {
			rights = unix.UnixRights(fds...)
		}
		if _, _, err := conn.WriteMsgUnix([]byte(answer), rights, nil); err != nil {
			t.Error(err)
		}
	}
	return conn
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		why, answer string
		want        string
	}{
		"Nothing": {"pause is ending, or takes us for a component", "", ErrRefused.Error()},
		"Unknown": {"it is no pause", "x", ErrRefused.Error()},
		"Taken":   {"the name of the one in charge comes along", "tweb-supervisor\n", "web-supervisor is in charge"},
		"Endless": {"a name has an end", "t" + strings.Repeat("x", 300), strings.Repeat("x", 256) + " is in charge"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t)
			done := make(chan struct{})
			go func() { // waited for below
				defer close(done)
				if conn := accepts(t, l, "cme\n", c.answer); conn != nil {
					conn.Close()
				}
			}()
			if _, err := Take(t.Context(), "me"); err == nil || err.Error() != "cannot take charge of the pod: "+c.want {
				t.Errorf("%s: %v, want %s", c.why, err, c.want)
			}
			<-done
			l.Close()
		})
	}
}

func TestANameThatPauseWouldRefuseIsRefused(t *testing.T) {
	for _, name := range []string{"", "two words", "line\n", "\x7f", "\u00fc", strings.Repeat("x", maxName+1)} {
		if _, err := Take(t.Context(), name); err == nil || !strings.Contains(err.Error(), "is no name for one in charge") {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestTakeEndsWithItsContext(t *testing.T) {
	reason := errors.New("the pod is not wanted any more")
	for name, l := range map[string]func(){"NobodyListens": func() {}, "NobodyAnswers": func() { listen(t) }} {
		t.Run(name, func(t *testing.T) {
			l()
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Millisecond, func() { cancel(reason) })
			began := time.Now()
			if _, err := Take(ctx, "me"); !errors.Is(err, reason) {
				t.Errorf("ended with %v, want %v", err, reason)
			}
			if took := time.Since(began); took > starting/2 {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// A pause that is just being started is waited for.
func TestTakeWaitsForPauseToListen(t *testing.T) {
	result := make(chan error)
	go func() { // waited for below
		c, err := Take(t.Context(), "me")
		if err == nil {
			c.Close()
		}
		result <- err
	}()
	select {
	case err := <-result:
		t.Fatalf("nobody was waited for: %v", err)
	case <-time.After(starting / 10):
	}
	accepts(t, listen(t), "cme\n", "g")
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// descriptors are files to hand over instead of a memory, by what is wrong with them.
func descriptors(t *testing.T) map[string]int {
	t.Helper()
	file := func(seal int, size int64) int {
		fd, err := unix.MemfdCreate("other", unix.MFD_ALLOW_SEALING)
		if err == nil {
			err = unix.Ftruncate(fd, size)
		}
		if err == nil {
			_, err = unix.Pwrite(fd, []byte("other"), 0)
		}
		if err == nil {
			_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seal)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return map[string]int{
		"no memory": int(null.Fd()), "can be made smaller": file(unix.F_SEAL_GROW, MemorySize), "can be sealed": file(unix.F_SEAL_SHRINK, MemorySize),
		"small": file(seals, 4096), "large": file(seals, 2*MemorySize), "not to be written": file(seals|unix.F_SEAL_WRITE, MemorySize),
	}
}

// Who reads in a memory that somebody has cut off dies of it.
func TestAMemoryThatIsNotAsWeMakeItIsReplaced(t *testing.T) {
	l := listen(t)
	for wrong, fd := range descriptors(t) {
		done := make(chan *net.UnixConn)
		go func() { done <- accepts(t, l, "cme\n", "g", fd) }() // waited for below
		held, err := Take(t.Context(), "me")
		pause := <-done
		if err != nil {
			t.Errorf("%s: %v", wrong, err)
			continue
		}
		held.Memory()[0] = 'x'
		said, control := make([]byte, 1), make([]byte, unix.CmsgLen(4))
		_, size, _, _, err := pause.ReadMsgUnix(said, control)
		kept := descriptor(control[:size])
		if err != nil || said[0] != sayKeep || kept < 0 {
			t.Fatalf("%s: pause was told %q, %v, and not to keep another", wrong, said, err)
		}
		content := make([]byte, MemorySize)
		if _, err := unix.Pread(kept, content, 0); err != nil || content[0] != 'x' || !bytes.Equal(content[1:], make([]byte, MemorySize-1)) {
			t.Errorf("%s: %v, or what pause keeps is not what the one in charge has", wrong, err)
		}
		if err := unix.Ftruncate(kept, 0); !errors.Is(err, unix.EPERM) {
			t.Errorf("%s: the new one can be made smaller: %v", wrong, err)
		}
		unix.Close(kept)
		held.Close()
	}
}
