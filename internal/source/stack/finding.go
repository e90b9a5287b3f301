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
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/span"
)

// What this room's readers say is known by these names.
type (
	// A Finding is a problem, and where it was written.
	Finding = source.Finding
	// A Position is where something stands.
	Position = source.Position
)

// Order returns the findings of the main file and then those of others, in the order
// of their lines, each once.
func Order(main string, all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(elsewhere(a, main)-elsewhere(b, main), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	var once []Finding
	users := map[Finding][]string{} // of an anchor, by what is said there of any of them
	first := map[Finding]int{}
	for _, f := range all {
		service, one := anywhere(f)
		if _, known := first[one]; !known {
			first[one] = len(once)
			once = append(once, f)
		}
		if !slices.Contains(users[one], service) {
			users[one] = append(users[one], service)
		}
	}
	for one, services := range users {
		once[first[one]].What += compose.AlsoIn(services[1:])
	}
	return once
}

// anywhere is what the finding says of whatever service it is about, and that service.
// On the one line of a file in flow style each service has a place of its own.
func anywhere(f Finding) (service string, one Finding) {
	rest, of := strings.CutPrefix(f.Place, "services.")
	name, path, within := strings.Cut(rest, ": ")
	if !of || !within {
		return "", f
	}
	f.Place = path
	return name, f
}

// elsewhere is 1 for what is in another file than the main one.
func elsewhere(f Finding, main string) int {
	if f.File == main {
		return 0
	}
	return 1
}

// ofRemark is a remark as a finding about a place.
func ofRemark(r span.Remark, place string) Finding {
	return Finding{Position: r.At, Problem: pod.Problemf(place, "%s", r.What), Warning: r.Warning}
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
	broken = regexp.MustCompile(`^cannot be read: (?:line (\d+)(?:, column (\d+))?: |column (\d+): )?`)
	twice  = regexp.MustCompile(`; line (\d+) has it already$`)
)

// find finds where a problem is.
func (f finder) find(p pod.Problem, warning bool) Finding {
	p, warning = unseenIn(p, warning)
	d, rest, known := f.document(p.Place)
	switch {
	case !known && p.Place == f.other.File:
		return Finding{Position: f.other, Problem: pod.Problem{What: p.What}, Warning: warning}
	case !known:
		return Finding{Position: f.other, Problem: pod.Problem{Place: join(f.shown, p.Place), What: p.What}, Warning: warning}
	}
	line, path := parts(rest)
	column := 0
	if m := broken.FindStringSubmatch(p.What); m != nil && rest == "" {
		line, _ = strconv.Atoi(m[1])
		column, _ = strconv.Atoi(m[2] + m[3])
		if line == 0 && d.broken && !d.env {
			line = 1
		}
	}
	p.What = d.reword(p.What)
	if column > 0 {
		return Finding{Position: d.Position(line, column), Problem: pod.Problem{Place: join(d.shown, strings.Join(path, ": ")), What: p.What}, Warning: warning}
	}
	keys := strings.FieldsFunc(strings.Join(path, "."), func(r rune) bool { return r == '.' })
	p.Place = join(d.shown, strings.Join(path, ": "))
	return Finding{Position: d.where(line, keys, p.What), Problem: p, Warning: warning}
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
		what = twice.ReplaceAllString(what, "; line "+strconv.Itoa(d.Begin(first).Line)+" has it already")
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
