package stack

import (
	"regexp"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// word is a variable with what is said for the case that it is not there. Braces or
// not, docker stack deploy reads it the same.
const word = `([a-zA-Z_]\w*)(?:(:?[-?])([^}]*))?`

// dollar is all that begins with a dollar: two of them, a variable, or neither.
var dollar = regexp.MustCompile(`\$(?:(\$)|` + word + `|\{` + word + `\})?`)

// A remark is something to tell about a position.
type remark struct {
	at      Position
	what    string
	warning bool
	// unset is the variable that the remark is about, if it is that it is not set.
	unset string
}

// interpolate returns the span with variables as docker stack deploy puts them in.
// All of a variable's value stands where its dollar does.
func (p span) interpolate(lookup func(string) (string, bool)) (span, []remark) {
	var done span
	var remarks []remark
	text := string(p.text)
	for {
		found := dollar.FindStringSubmatchIndex(text)
		if found == nil {
			break
		}
		before, match := len([]rune(text[:found[0]])), dollar.FindStringSubmatch(text)
		done.text, done.at = append(done.text, p.text[:before]...), append(done.at, p.at[:before]...)
		value, said := substitute(match, lookup)
		if said.what != "" {
			said.at = p.at[before]
			remarks = append(remarks, said)
		}
		done.text = append(done.text, []rune(value)...)
		done.standUpTo(len(done.text), p.at[before])
		p, text = p.cut(before+len([]rune(match[0]))), text[found[1]:]
	}
	done.text, done.at = append(done.text, p.text...), append(done.at, p.at...)
	return done, remarks
}

// substitute is what stands for a match of dollar, and what has to be said about it.
func substitute(match []string, lookup func(string) (string, bool)) (string, remark) {
	name, sign, other := match[2]+match[5], match[3]+match[6], match[4]+match[7]
	if match[1] != "" {
		return "$", remark{}
	}
	if name == "" {
		return match[0], remark{what: "a $ that begins no variable such as ${NAME} has to be written $$"}
	}
	value, found := lookup(name)
	there := found && (value != "" || !strings.HasPrefix(sign, ":"))
	switch {
	case there:
		return value, remark{}
	case strings.HasSuffix(sign, "-"):
		return other, remark{}
	case sign != "":
		return "", remark{what: strings.TrimSuffix("the variable "+name+" has to be set: "+other, ": ")}
	case !found:
		return "", remark{what: "the variable " + name + " is not set here and stands for nothing; set it as for docker stack deploy", warning: true, unset: name}
	}
	return value, remark{}
}

// finding is the remark as one about a place.
func (r remark) finding(place string) Finding {
	return Finding{Position: r.at, Problem: pod.Problemf(place, "%s", r.what), Warning: r.warning}
}
