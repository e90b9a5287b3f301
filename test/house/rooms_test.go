package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of rooms in CONTRIBUTING.md anew")

// The table is between these lines.
const (
	tableBegins = "<!-- rooms: go test ./test/house -update -->\n"
	tableEnds   = "<!-- end of rooms -->\n"
)

// ours is what our packages' paths begin with.
const ours = "github.com/podlike/podlike/"

// A room is a package as go list describes it: Doc is its comment's first sentence, and
// tests are no part of it.
type room struct {
	ImportPath, Name, Doc string
	GoFiles, Imports      []string
}

// The table is written from the packages, so that it says of each what it says itself.
func TestTheTableOfRoomsSaysWhatThePackagesSay(t *testing.T) {
	file := filepath.Join(root, "CONTRIBUTING.md")
	text := read(t, file)
	before, rest, begins := strings.Cut(text, tableBegins)
	got, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q", file, tableBegins, tableEnds)
	}
	want := "\n" + table(rooms(t)) + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(before+tableBegins+want+tableEnds+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range missing(want, got) {
		t.Errorf("CONTRIBUTING.md lacks: %s", line)
	}
	for _, line := range missing(got, want) {
		t.Errorf("CONTRIBUTING.md has: %s", line)
	}
	if got != want {
		t.Error("the table of rooms in CONTRIBUTING.md is not that of the packages: run `go test ./test/house -update`")
	}
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	for _, r := range rooms(t) {
		if purpose := r.purpose(); purpose == "" || strings.Contains(purpose, "|") {
			t.Errorf("%s: its comment's first sentence is %q, which says nothing in a table", r.ImportPath, r.Doc)
		}
	}
}

func TestARoomIsTheSentenceOfItsPackage(t *testing.T) {
	for doc, want := range map[string]string{
		"Package it holds all.":        "holds all",
		"Command it shows an example.": "shows an example",
		"It runs a pod: all of it.":    "runs a pod: all of it",
		"Holds all.":                   "Holds all",
		"":                             "",
	} {
		if got := (room{ImportPath: ours + "internal/it", Name: "it", Doc: doc}).purpose(); got != want {
			t.Errorf("%q: got %q, want %q", doc, got, want)
		}
	}
	main := room{ImportPath: ours + "cmd/it", Name: "main", Imports: []string{"fmt", ours + "internal/a/b", ours + "deploy/c"}}
	if got, want := main.row(), "| `cmd/it` |  | `a/b`, `deploy/c` |\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// rooms are all packages that are more than tests.
func rooms(t *testing.T) (all []room) {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,Doc,GoFiles,Imports", "./...")
	list.Dir = root
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for values := json.NewDecoder(bytes.NewReader(out)); ; {
		var r room
		err := values.Decode(&r)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(r.GoFiles) > 0 {
			all = append(all, r)
		}
	}
}

// table has a row for each room.
func table(all []room) string {
	var text strings.Builder
	text.WriteString("| room | what it is for | knows of |\n|---|---|---|\n")
	for _, r := range all {
		text.WriteString(r.row())
	}
	return text.String()
}

func (r room) row() string {
	return fmt.Sprintf("| `%s` | %s | %s |\n", strings.TrimPrefix(r.ImportPath, ours), r.purpose(), r.knows())
}

// purpose is the first sentence without the name that it begins with, and without its end.
func (r room) purpose() string {
	sentence := strings.TrimSuffix(r.Doc, ".")
	for _, kind := range []string{"Package ", "Command "} {
		sentence = strings.TrimPrefix(sentence, kind)
	}
	first, rest, _ := strings.Cut(sentence, " ")
	if strings.EqualFold(first, path.Base(r.ImportPath)) {
		return rest
	}
	return sentence
}

// knows is what it imports of ours.
func (r room) knows() string {
	var all []string
	for _, imported := range r.Imports {
		if name, isOurs := strings.CutPrefix(imported, ours); isOurs {
			all = append(all, "`"+strings.TrimPrefix(name, "internal/")+"`")
		}
	}
	if all == nil {
		return "nothing of ours"
	}
	return strings.Join(all, ", ")
}

// missing are the lines of want that got lacks.
func missing(want, got string) (all []string) {
	for line := range strings.Lines(want) {
		if !strings.Contains(got, line) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}
