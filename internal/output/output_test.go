package output

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestLinesComeOutWholeHoweverTheStreamWasCut(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for name, test := range map[string]struct {
		why, in string
		crlf    bool
		want    []string
	}{
		"plain":       {"lines stay lines", "a\nb\n", false, []string{"a", "b"}},
		"partial":     {"a last line without an end is not lost", "a\nb", false, []string{"a", "b"}},
		"indentation": {"white space is the component's business", "  a \n\tb\n", false, []string{"  a ", "\tb"}},
		"empty":       {"an empty line is a line", "\n\na\n", false, []string{"", "", "a"}},
		"long":        {"a line of a megabyte is one line", long + "\nend\n", false, []string{long, "end"}},
		"terminal":    {"a terminal ends lines in CR LF", "a\r\nb\r\n", true, []string{"a", "b"}},
		"cr":          {"without a terminal a CR is a byte like any other", "a\r\nb\n", false, []string{"a\r", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			lines := NewLines("[out] web: ", &out, nothing(), test.crlf)
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
		})
	}
}

// cut writes text in pieces of random length.
func cut(to io.Writer, text string) {
	for text != "" {
		n := min(len(text), 1+rand.IntN(4096))
		_, _ = io.WriteString(to, text[:n])
		text = text[n:]
	}
}

func TestALineWithoutEndDoesNotGrowForEver(t *testing.T) {
	var out bytes.Buffer
	lines := NewLines("> ", &out, nothing(), false)
	text := strings.Repeat("0123456789abcdef", (maxLine+4096)/16)
	cut(lines, text)
	if len(lines.held) > maxLine {
		t.Errorf("%d bytes are held back", len(lines.held))
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if got := strings.NewReplacer("> ", "", "\n", "").Replace(out.String()); got != text {
		t.Errorf("%d bytes came out of %d, or others", len(got), len(text))
	}
}

// nothing keeps as little as can be.
func nothing() Keeper { return NewBook(0).Run("web").Keeper(Stdout) }

func TestLinesAreRememberedWhereNobodyElseReadsThem(t *testing.T) {
	b := NewBook(1 << 20)
	web := b.Run("web")
	out, err := NewLines("", nil, web.Keeper(Stdout), false), NewLines("", nil, web.Keeper(Stderr), false)
	for _, line := range []string{"1", "2"} {
		cut(out, line+"\n")
		cut(err, "e"+line+"\n")
	}
	reads(t, b.Follow("web", false, time.Time{}), "in the order in which they came", "web out 1", "web err e1", "web out 2", "web err e2")
}

// broken is a reader of output that has gone away.
type broken struct{}

var errGone = errors.New("gone")

func (broken) Write([]byte) (int, error) { return 0, errGone }

func TestAReaderThatWentAwayStopsNoComponent(t *testing.T) {
	lines := NewLines("", broken{}, nothing(), false)
	for range 3 {
		if n, err := lines.Write([]byte("a\n")); n != 2 || err != nil {
			t.Fatalf("took %d, %v", n, err)
		}
	}
	if err := lines.Close(); !errors.Is(err, errGone) {
		t.Errorf("Close reports %v", err)
	}
}
