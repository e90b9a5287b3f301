package dockertest

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
)

// A Kind is what a Proxy does to the connections or the calls that pass through it.
type Kind string

const (
	// Cut closes all present connections at once, with what is on its way in them. New ones are made as ever.
	Cut Kind = "cut"
	// Stall holds the bytes of all connections, present and new, in both directions. They flow on when it ends.
	Stall Kind = "stall"
	// StallCut is a Stall that ends by cutting the connections, with all the bytes that it has held.
	StallCut Kind = "stall, then cut"
	// Refuse has nobody listen. The socket's file stays, and connecting to it is refused. Present connections stay.
	Refuse Kind = "refuse"
	// Unlink is Refuse without the socket's file.
	Unlink Kind = "unlink"
	// Down is what an engine that is restarted looks like: Cut and then Refuse.
	Down Kind = "down"
	// Answer has the proxy answer calls itself, with an error. The engine does not hear of them.
	Answer Kind = "answer"
	// Lose has the engine do what is called for, and closes the connection when it answers.
	Lose Kind = "lose the answer"
	// Hang holds calls back and passes them on to the engine when it ends, also when nobody waits for them by then.
	Hang Kind = "hang"
)

// A Phase is the time of a pod's life in which a fault begins.
type Phase string

const (
	DuringStart   Phase = "start"
	DuringLife    Phase = "life"
	DuringRestart Phase = "restart" // from the end of a component that is restarted
	DuringStop    Phase = "stop"
)

// A Fault is something that goes wrong between a program and its engine. It is a
// plain value; a Proxy makes it happen.
type Fault struct {
	Kind Kind
	// For is how long it lasts. A Cut does not last.
	For time.Duration

	// Call is what Answer, Lose and Hang are about. The zero value is every call.
	Call Call
	// Times is how many calls it strikes at most; 0: all while it lasts.
	Times int
	// Status is the code of an Answer; 0: 500.
	Status int
	// HTML makes an Answer a page, as proxies send it, and not the engine's JSON.
	HTML bool

	// Phase and Moment are when it begins: Moment is from 0, the begin of the phase, to 1, its usual end. The
	// proxy does not know phases. Whoever drives it keeps to them.
	Phase  Phase
	Moment float64
}

// FailOnce is a fault that has the next such call fail, without the engine hearing of it.
func FailOnce(c Call) Fault { return Fault{Kind: Answer, Call: c, Times: 1} }

// LoseOnce is a fault that has the engine do the next such call and loses its answer.
func LoseOnce(c Call) Fault { return Fault{Kind: Lose, Call: c, Times: 1} }

// String says it all in words, for histories.
func (f Fault) String() string {
	words := []string{string(f.Kind)}
	switch f.Kind {
	case Answer:
		words = append(words, fmt.Sprint(f.status()))
		if f.HTML {
			words = append(words, "as a page")
		}
		words = append(words, "to", f.Call.String())
	case Lose, Hang:
		words = append(words, "of", f.Call.String())
	}
	if f.Times > 0 {
		words = append(words, fmt.Sprintf("%d times", f.Times))
	}
	if f.For > 0 {
		words = append(words, "for", f.For.String())
	}
	if f.Phase != "" {
		words = append(words, fmt.Sprintf("at %.2f of %s", f.Moment, f.Phase))
	}
	return strings.Join(words, " ")
}

// Cuts says whether the fault ends connections on which bytes flow.
func (f Fault) Cuts() bool { return f.Kind == Cut || f.Kind == StallCut || f.Kind == Down }

// Holds says whether the fault keeps bytes back on their way, which a cut then loses.
func (f Fault) Holds() bool { return f.Kind == Stall || f.Kind == StallCut }

// OfCalls says whether the fault is about calls, and not about connections.
func (f Fault) OfCalls() bool { return f.Kind == Answer || f.Kind == Lose || f.Kind == Hang }

// status is the code of an Answer.
func (f Fault) status() int { return cmp.Or(f.Status, http.StatusInternalServerError) }

// A Call is one of the engine's calls, or a pattern of such.
type Call struct {
	Method string // empty: any
	Path   string // without the API's version, as path.Match has patterns: "/containers/*/start"; empty: any
	Query  string // a part of the raw query, such as "name=web"; empty: any
}

// version is the API's version that a path may begin with.
var version = regexp.MustCompile(`^/v[0-9]+\.[0-9]+/`)

// id is a container's ID, of which people read the first digits.
var id = regexp.MustCompile(`\b([0-9a-f]{12})[0-9a-f]{52}\b`)

// callOf is the call that a request makes.
func callOf(r *http.Request) Call {
	return Call{Method: r.Method, Path: version.ReplaceAllString(r.URL.Path, "/"), Query: r.URL.RawQuery}
}

// Matches says whether the pattern c is about the call.
func (c Call) Matches(call Call) bool {
	fits, err := path.Match(cmp.Or(c.Path, call.Path), call.Path)
	return (c.Path == "" || fits && err == nil) && (c.Method == "" || c.Method == call.Method) && strings.Contains(call.Query, c.Query)
}

// String is the call as histories have it.
func (c Call) String() string {
	if c == (Call{}) {
		return "every call"
	}
	text := cmp.Or(c.Method, "any") + " " + cmp.Or(c.Path, "path")
	if query, err := url.QueryUnescape(c.Query); query != "" && err == nil {
		text += "?" + query
	}
	return id.ReplaceAllString(text, "$1")
}

// calls are those that a supervisor makes in each phase, in any order.
var calls = map[Phase][]Call{
	DuringStart: {CallCreate, CallStart, CallAttach, CallWait, CallInspect, CallList, CallImage, CallEvents},
	// Only a call that begins is struck: in a life those of probes, and of what is asked again after a cut.
	DuringLife:    {CallExecCreate, CallExecStart, CallExecInspect, CallAttach, CallLogs, CallWait, CallInspect, CallList, CallEvents},
	DuringRestart: {CallCreate, CallStart, CallAttach, CallWait, CallInspect, CallList, CallImage, CallRemove, CallExecStart},
	DuringStop:    {CallStop, CallKill, CallRemove, CallInspect, CallList, CallWait, CallExecStart},
}

// What a supervisor calls for.
var (
	CallCreate      = Call{Method: http.MethodPost, Path: "/containers/create"}
	CallStart       = Call{Method: http.MethodPost, Path: "/containers/*/start"}
	CallAttach      = Call{Method: http.MethodPost, Path: "/containers/*/attach"}
	CallWait        = Call{Method: http.MethodPost, Path: "/containers/*/wait"}
	CallStop        = Call{Method: http.MethodPost, Path: "/containers/*/stop"}
	CallKill        = Call{Method: http.MethodPost, Path: "/containers/*/kill"}
	CallInspect     = Call{Method: http.MethodGet, Path: "/containers/*/json"}
	CallList        = Call{Method: http.MethodGet, Path: "/containers/json"}
	CallRemove      = Call{Method: http.MethodDelete, Path: "/containers/*"}
	CallExecCreate  = Call{Method: http.MethodPost, Path: "/containers/*/exec"}
	CallExecStart   = Call{Method: http.MethodPost, Path: "/exec/*/start"}
	CallExecInspect = Call{Method: http.MethodGet, Path: "/exec/*/json"}
	CallEvents      = Call{Method: http.MethodGet, Path: "/events"}
	CallLogs        = Call{Method: http.MethodGet, Path: "/containers/*/logs"}
	CallImage       = Call{Method: http.MethodGet, Path: "/images/*/*/json"} // of a name with a slash in it, as ours have
)

// The shortest and the longest fault of Faults.
const (
	shortest = 100 * time.Millisecond
	longest  = 10 * time.Second
)

// Faults draws n faults of all kinds, each between 0.1 and 10 s long, short ones as
// often as long ones by their logarithm. The same seed draws the same faults.
func Faults(seed uint64, n int) (all []Fault) {
	dice := rand.New(rand.NewPCG(seed, 0))
	for range n {
		all = append(all, draw(dice))
	}
	return all
}

// draw draws one fault.
func draw(dice *rand.Rand) Fault {
	kinds := []Kind{Cut, Stall, StallCut, Refuse, Unlink, Down, Answer, Answer, Lose, Hang}
	phases := []Phase{DuringStart, DuringLife, DuringRestart, DuringStop}
	long := float64(shortest) * math.Pow(float64(longest)/float64(shortest), dice.Float64())
	f := Fault{
		Kind: kinds[dice.IntN(len(kinds))], For: time.Duration(long).Round(time.Millisecond),
		Phase: phases[dice.IntN(len(phases))], Moment: dice.Float64(),
	}
	chosen, times := calls[f.Phase][dice.IntN(len(calls[f.Phase]))], 1+dice.IntN(3)
	switch f.Kind {
	case Cut:
		f.For = 0
	case Answer:
		f.Status = []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable}[dice.IntN(3)]
		f.HTML = f.Status != http.StatusInternalServerError
		if dice.IntN(2) == 0 {
			f.Call = chosen
		}
	case Lose:
		f.Call, f.Times = chosen, times
	case Hang:
		f.Call = chosen
	}
	return f
}
