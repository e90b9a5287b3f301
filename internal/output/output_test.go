package output

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// part is as much as a line may have.
var part = strings.Repeat("x", MaxLine)

func TestLinesComeOutWholeHoweverTheStreamWasCut(t *testing.T) {
	for name, test := range map[string]struct {
		why, in string
		crlf    bool
		want    []string
	}{
		"plain":       {"lines stay lines", "a\nb\n", false, []string{"a", "b"}},
		"partial":     {"a last line without an end is not lost", "a\nb", false, []string{"a", "b"}},
		"indentation": {"white space is the component's business", "  a \n\tb\n", false, []string{"  a ", "\tb"}},
		"empty":       {"an empty line is a line", "\n\na\n", false, []string{"", "", "a"}},
		"full":        {"a line of 64 KiB is one line", part + "\nend\n", false, []string{part, "end"}},
		"long":        {"a longer one is cut", part + "y\nend\n", false, []string{part, "y", "end"}},
		"longer":      {"however long it is", part + part + part + "\nend", false, []string{part, part, part, "end"}},
		"behind":      {"where it begins does not matter", "begin\n" + part + "y\n", false, []string{"begin", part, "y"}},
		"terminal":    {"a terminal ends lines in CR LF", "a\r\nb\r\n\r\n", true, []string{"a", "b", ""}},
		"inside":      {"and a CR elsewhere is a byte like any other", "a\rb\r\r\n", true, []string{"a\rb\r"}},
		"between":     {"where a line is cut, too", part[1:] + "\r\n" + part[1:] + "\ry\r\n", true, []string{part[1:], part[1:], "\ry"}},
		"cr":          {"without a terminal a CR is a byte like any other", "a\r\nb\n", false, []string{"a\r", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			var kept memory
			lines := NewLines("[out] web: ", &out, &kept, test.crlf)
			cut(lines, test.in)
			if err := lines.Close(); err != nil {
				t.Fatal(err)
			}
			want := ""
			for _, line := range test.want {
				want += "[out] web: " + line + "\n"
			}
			if out.String() != want {
				t.Errorf("%s: got %.200q, want %.200q", test.why, out.String(), want)
			}
			in := strings.TrimSuffix(test.in, "\n") + "\n"
			if test.crlf {
				in = strings.ReplaceAll(in, "\r\n", "\n")
			}
			if kept.String() != in {
				t.Errorf("%s: it keeps %.200q of %.200q", test.why, kept.String(), in)
			}
		})
	}
}

// A memory keeps all that it is given.
type memory struct{ bytes.Buffer }

func (m *memory) Add(lines []byte) { m.Write(lines) }

// cut writes text in pieces of random length.
func cut(to io.Writer, text string) {
	for text != "" {
		n := min(len(text), 1+rand.IntN(4096)<<rand.IntN(6))
		_, _ = io.WriteString(to, text[:n])
		text = text[n:]
	}
}

// A writes is a writer that remembers what it was asked to write.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestLinesThatAreThereAreWrittenTogether(t *testing.T) {
	var got writes
	lines := NewLines("> ", &got, nil, false)
	for _, piece := range []string{"a\nb\nc", "d\ne\n", strings.Repeat("x\n", batch/4), strings.Repeat("x\n", batch/4)[:batch/4] + "\n"} {
		_, _ = io.WriteString(lines, piece)
	}
	want := writes{"> a\n> b\n", "> cd\n", "> e\n", strings.Repeat("> x\n", batch/4-1), "> x\n", strings.Repeat("> x\n", batch/8) + "> \n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A line without an end takes no memory, however long it becomes.
func TestALineWithoutEndTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	count := &counter{}
	lines := NewLines("> ", count, nil, false)
	piece := []byte(part[:32<<10])
	runtime.ReadMemStats(&before)
	for range 100 << 20 / len(piece) {
		_, _ = lines.Write(piece)
		if cap(lines.held) > 2*MaxLine {
			t.Fatalf("%d bytes are held", cap(lines.held))
		}
	}
	runtime.ReadMemStats(&after)
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if want := 100 << 20 / MaxLine * (MaxLine + len("> \n")); count.bytes != want {
		t.Errorf("%d bytes came out, want %d", count.bytes, want)
	}
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 8<<20 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// A counter is a writer that counts.
type counter struct{ bytes int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return len(p), nil
}

// A stream that once had a long line is as small as any other afterwards.
func TestOneLongLineDoesNotCostItsMemoryForEver(t *testing.T) {
	lines := NewLines("> ", io.Discard, nil, false)
	for _, piece := range []string{part[:1000], part[1000:] + "\n", "short"} {
		_, _ = io.WriteString(lines, piece)
	}
	if cap(lines.held)+cap(lines.lines) > smallLine+batch {
		t.Errorf("%d and %d bytes are kept", cap(lines.held), cap(lines.lines))
	}
}

func TestPassingLinesOnAllocatesNothing(t *testing.T) {
	lines, text := NewLines("[out] web: ", io.Discard, nil, false), []byte(strings.Repeat("a line of some length\n", 1000)+"half")
	_, _ = lines.Write(text)
	if n := testing.AllocsPerRun(100, func() { _, _ = lines.Write(text) }); n > 0 {
		t.Errorf("1000 lines allocate %v times", n)
	}
}

// broken is a reader of output that has gone away.
type broken struct{}

var errGone = errors.New("gone")

func (broken) Write([]byte) (int, error) { return 0, errGone }

func TestAReaderThatWentAwayStopsNoComponent(t *testing.T) {
	var kept memory
	lines := NewLines("", broken{}, &kept, false)
	for range 3 {
		if n, err := lines.Write([]byte("a\n")); n != 2 || err != nil {
			t.Fatalf("took %d, %v", n, err)
		}
	}
	if err := lines.Close(); !errors.Is(err, errGone) || kept.String() != "a\na\na\n" {
		t.Errorf("Close reports %v, and %q are kept", err, kept.String())
	}
}

func BenchmarkLines(b *testing.B) {
	for name, line := range map[string]string{"Short": "a line of some length\n", "Endless": strings.Repeat("x", 1000)} {
		b.Run(name, func(b *testing.B) {
			lines, text := NewLines("[out] web: ", io.Discard, nil, false), []byte(strings.Repeat(line, 32<<10/len(line)))
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = lines.Write(text)
			}
		})
	}
}
