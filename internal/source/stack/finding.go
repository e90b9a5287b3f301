package stack

import (
	"cmp"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// A Finding is a problem, and where it was written.
type Finding struct {
	Position
	pod.Problem
	// Warning: the pod can be run all the same.
	Warning bool
}

// String is the finding on a line, as compilers write it.
func (f Finding) String() string {
	kind, place := "", f.Place+": "
	if f.Warning {
		kind = "warning: "
	}
	if f.Place == "" {
		place = ""
	}
	return f.Position.String() + ": " + kind + place + f.What
}

// IsProblem reports whether the finding keeps a pod from being run.
func (f Finding) IsProblem() bool { return !f.Warning }

// Order returns the findings of the main file and then those of others, in the order
// of their lines, each once.
func Order(main string, all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(elsewhere(a, main)-elsewhere(b, main), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var once []Finding
	for _, f := range all {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	return once
}

// elsewhere is 1 for what is in another file than the main one.
func elsewhere(f Finding, main string) int {
	if f.File == main {
		return 0
	}
	return 1
}

// A finder knows where the places are that problems name.
type finder struct {
	// documents by how places in them begin: a path in the supervisor, or a label.
	documents map[string]document
	// other is for what is in none of them, and shown what such a place begins with.
	other Position
	shown string
}

// Words of problems that tell a line of the text they are about.
var (
	onLine = regexp.MustCompile(`^line (\d+)$`)
	broken = regexp.MustCompile(`^cannot be read: (?:line (\d+): )?`)
	twice  = regexp.MustCompile(`; line (\d+) has it already$`)
)

// find finds where a problem is.
func (f finder) find(p pod.Problem, warning bool) Finding {
	p, warning = unseenIn(p, warning)
	d, rest, known := f.document(p.Place)
	switch {
	case !known && p.Place == f.other.File:
		return Finding{f.other, pod.Problem{What: p.What}, warning}
	case !known:
		return Finding{f.other, pod.Problem{Place: join(f.shown, p.Place), What: p.What}, warning}
	}
	line, path := parts(rest)
	if m := broken.FindStringSubmatch(p.What); m != nil && rest == "" {
		line = d.brokenLine(m[1])
	}
	p.What = d.reword(p.What)
	keys := strings.FieldsFunc(strings.Join(path, "."), func(r rune) bool { return r == '.' })
	return Finding{d.where(line, keys, p.What), pod.Problem{Place: join(d.shown, strings.Join(path, ": ")), What: p.What}, warning}
}

// parts takes the line, 0 if there is none, out of what a place says of a document.
func parts(place string) (line int, path []string) {
	for piece := range strings.SplitSeq(place, ": ") {
		if m := onLine.FindStringSubmatch(piece); m != nil {
			line, _ = strconv.Atoi(m[1])
		} else if piece != "" {
			path = append(path, piece)
		}
	}
	return line, path
}

// reword is what is said without a line that its position says, and with the file's
// lines in place of the document's.
func (d document) reword(what string) string {
	what = broken.ReplaceAllString(what, "cannot be read: ")
	if m := twice.FindStringSubmatch(what); m != nil {
		first, _ := strconv.Atoi(m[1])
		what = twice.ReplaceAllString(what, "; line "+strconv.Itoa(d.begin(first).Line)+" has it already")
	}
	return what
}

// document is the one that a place is in, and what else the place says.
func (f finder) document(place string) (d document, rest string, known bool) {
	longest := -1
	for name, one := range f.documents {
		if after, within := strings.CutPrefix(place+": ", name+": "); within && len(name) > longest {
			longest, d, rest = len(name), one, strings.TrimSuffix(after, ": ")
		}
	}
	return d, rest, longest >= 0
}

// brokenLine is the line from which on the document cannot be read, of which the
// reader's own idea is said.
func (d document) brokenLine(said string) int {
	line, _ := strconv.Atoi(said)
	if d.root != nil || d.env {
		return line
	}
	return cmp.Or(d.broken(), line)
}

// join is a place within another; either may be empty.
func join(outer, inner string) string {
	return strings.TrimPrefix(strings.TrimSuffix(outer+": "+inner, ": "), ": ")
}

// An unseen error says why a file is not looked into. Nothing is wrong with that, so
// that what comes of it is a warning.
type unseen string

func (u unseen) Error() string { return "it is not checked: " + string(u) }

// unseenFile is what reading a file ends with that is not looked into: the one of
// variables is taken for one that is not there, as most are.
func unseenFile(file, why string) error {
	if path.Base(file) == dotEnv {
		return fs.ErrNotExist
	}
	return unseen(why)
}

// unseenIn makes a warning of a problem with a file that was not looked into.
func unseenIn(p pod.Problem, warning bool) (pod.Problem, bool) {
	file, why, is := strings.Cut(p.What, " in the supervisor: it is not checked: ")
	if !is {
		return p, warning
	}
	p.What = strings.TrimPrefix(file, "cannot read ") + " is not checked: " + why
	return p, true
}
