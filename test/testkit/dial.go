package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// dial asks whoever listens on an abstract socket with that prefix how it is, as one
// who shares its network can.
func dial(args []string) int {
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return failed(err)
	}
	for _, name := range listening(string(table), word(args, 0)) {
		fmt.Printf("%s: %s\n", name, ask(name))
	}
	return 0
}

// listening are the names of the sockets in a table like /proc/net/unix that accept
// connections and begin with prefix.
func listening(table, prefix string) (names []string) {
	const acceptsConnections = "00010000"
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 8 && fields[3] == acceptsConnections && strings.HasPrefix(fields[7], prefix) {
			names = append(names, fields[7])
		}
	}
	return names
}

// ask is the first line that a socket answers, or why there is none.
func ask(name string) string {
	conn, err := net.DialTimeout("unix", name, 2*time.Second)
	if err != nil {
		return "no answer: " + err.Error()
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	fmt.Fprint(conn, "GET /v1/health HTTP/1.0\r\n\r\n") // an error shows as no answer
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "no answer: " + err.Error()
	}
	return strings.TrimSpace(line)
}
