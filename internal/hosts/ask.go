package hosts

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// engineServer is the name server that the engine runs in a container's network, where that
// knows names of its own.
const engineServer = "127.0.0.11"

// Server is where a container asks for the names of its networks, by its resolv.conf. There
// is none in a network that knows no names.
func Server(path string) (at string, known bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	for l := range strings.Lines(string(text)) {
		if fields := strings.Fields(l); len(fields) > 1 && fields[0] == "nameserver" && fields[1] == engineServer {
			return net.JoinHostPort(engineServer, "53"), true
		}
	}
	return "", false
}

// Ask asks a name server for the names as they are, all at once, and returns the addresses
// of those that it knows by the time that ctx is done. No hosts file has a say in that.
func Ask(ctx context.Context, server string, names []string) (map[string][]netip.Addr, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", server)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for names: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	asked := map[uint16]string{}
	for i, name := range names {
		query, err := query(uint16(i+1), name)
		if err == nil {
			_, err = conn.Write(query)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot ask for %s: %w", name, err)
		}
		asked[uint16(i+1)] = name
	}
	known := map[string][]netip.Addr{}
	buffer := make([]byte, 1<<16)
	for len(asked) > 0 {
		n, err := conn.Read(buffer)
		if ctx.Err() != nil {
			return known, nil
		}
		if err != nil {
			return known, fmt.Errorf("cannot learn of names: %w", err)
		}
		id, found := answer(buffer[:n])
		if name, open := asked[id]; open && len(found) > 0 {
			known[name] = found
		}
		delete(asked, id)
	}
	return known, nil
}

// query is a question for the IPv4 addresses of a name.
func query(id uint16, name string) ([]byte, error) {
	full, err := dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: full, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// answer are the addresses in a name server's answer, in their order.
func answer(packed []byte) (id uint16, found []netip.Addr) {
	var m dnsmessage.Message
	if m.Unpack(packed) != nil || !m.Response {
		return 0, nil
	}
	for _, r := range m.Answers {
		if a, is := r.Body.(*dnsmessage.AResource); is {
			found = append(found, netip.AddrFrom4(a.A))
		}
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return m.ID, found
}
