package engine

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstRealTime is SIGRTMIN as engines count.
const firstRealTime = 34

// SignalNumber is the number of a signal that is given as engines take it: by its number
// or a name such as SIGTERM, TERM or RTMIN+3. Zero: there is no such signal.
func SignalNumber(signal string) int {
	if number, err := strconv.Atoi(signal); err == nil {
		return number
	}
	name := "SIG" + strings.TrimPrefix(strings.ToUpper(signal), "SIG")
	if offset, ok := strings.CutPrefix(name, "SIGRTMIN"); ok {
		number, _ := strconv.Atoi(offset) // SIGRTMIN itself has none
		return firstRealTime + number
	}
	return int(unix.SignalNum(name))
}
