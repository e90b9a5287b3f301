package span

import (
	"regexp"
	"strings"
)

// word is a variable with what is said for the case that it is not there. Braces or
// not, docker stack deploy reads it the same.
const word = `([a-zA-Z_]\w*)(?:(:?[-?])([^}]*))?`

// dollar is all that begins with a dollar: two of them, a variable, or neither.
var dollar = regexp.MustCompile(`\$(?:(\$)|` + word + `|\{` + word + `\})?`)

// A Remark is something to tell about a position.
type Remark struct {
	At      Position
	What    string
	Warning bool
	// Unset is the variable that the remark is about, if it is that it is not set.
	Unset string
}

// Interpolate returns the span with variables as docker stack deploy puts them in.
// All of a variable's value stands where its dollar does.
func (p Span) Interpolate(lookup func(string) (string, bool)) (Span, []Remark) {
	var done Span
	var remarks []Remark
	text := string(p.Text)
	for {
		found := dollar.FindStringSubmatchIndex(text)
		if found == nil {
			break
		}
		before, match := len([]rune(text[:found[0]])), dollar.FindStringSubmatch(text)
		done.Text, done.At = append(done.Text, p.Text[:before]...), append(done.At, p.At[:before]...)
		value, said := substitute(match, lookup)
		if said.What != "" {
			said.At = p.At[before]
			remarks = append(remarks, said)
		}
		done.Text = append(done.Text, []rune(value)...)
		done.standUpTo(len(done.Text), p.At[before])
		p, text = p.Cut(before+len([]rune(match[0]))), text[found[1]:]
	}
	done.Text, done.At = append(done.Text, p.Text...), append(done.At, p.At...)
	return done, remarks
}

// substitute is what stands for a match of dollar, and what has to be said about it.
func substitute(match []string, lookup func(string) (string, bool)) (string, Remark) {
	name, sign, other := match[2]+match[5], match[3]+match[6], match[4]+match[7]
	if match[1] != "" {
		return "$", Remark{}
	}
	if name == "" {
		return match[0], Remark{What: "a $ that begins no variable such as ${NAME} has to be written $$"}
	}
	value, found := lookup(name)
	there := found && (value != "" || !strings.HasPrefix(sign, ":"))
	switch {
	case there:
		return value, Remark{}
	case strings.HasSuffix(sign, "-"):
		return other, Remark{}
	case sign != "":
		return "", Remark{What: strings.TrimSuffix("the variable "+name+" has to be set: "+other, ": ")}
	case !found:
		return "", Remark{What: "the variable " + name + " is not set here and stands for nothing; set it as for docker stack deploy", Warning: true, Unset: name}
	}
	return value, Remark{}
}
