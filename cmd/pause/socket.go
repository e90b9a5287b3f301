package main

import (
	"io"
	"syscall"
	"unsafe"
)

// accept is accept4, for one who does not want to know who it is: package syscall would
// allocate memory for the address each time. -1: there is nobody.
func accept(listener int) (fd int) {
	r, _, errno := syscall.RawSyscall6(syscall.SYS_ACCEPT4, uintptr(listener), 0, 0, syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0, 0)
	if errno != 0 {
		return -1
	}
	return int(r)
}

// peer is the process that has connected, as this PID namespace knows it. 0: it is in none
// that can be seen from here. As with accept, nothing is allocated. Who it is cannot be
// found out only where the kernel has no such call, and then nobody is let in.
func peer(fd int) (pid int32) {
	var who syscall.Ucred
	size := uint32(unsafe.Sizeof(who))
	_, _, errno := syscall.RawSyscall6(syscall.SYS_GETSOCKOPT, uintptr(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED,
		uintptr(unsafe.Pointer(&who)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return -1
	}
	return who.Pid
}

// rights is a control message with one descriptor.
type rights struct {
	header syscall.Cmsghdr
	fd     int32
}

// rightsSize is a control message's. There is no room for a second descriptor: the kernel
// closes all others.
const rightsSize = unsafe.Sizeof(syscall.Cmsghdr{}) + unsafe.Sizeof(int32(0))

// message makes a message of one byte and a control message. Package syscall does the same
// for addresses of all kinds, which takes 10 KB of code.
func message(content *byte, vector *syscall.Iovec, r *rights) (m syscall.Msghdr) {
	vector.Base = content
	vector.SetLen(1)
	m.Iov, m.Iovlen = vector, 1
	if r != nil {
		m.Control = (*byte)(unsafe.Pointer(r))
		m.SetControllen(int(rightsSize))
	}
	return m
}

// transmit sends one byte, with a descriptor unless that is -1.
func transmit(conn int, say byte, fd int) error {
	var r *rights
	if fd >= 0 {
		r = &rights{syscall.Cmsghdr{Level: syscall.SOL_SOCKET, Type: syscall.SCM_RIGHTS}, int32(fd)}
		r.header.SetLen(int(rightsSize))
	}
	var vector syscall.Iovec
	m := message(&say, &vector, r)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SENDMSG, uintptr(conn), uintptr(unsafe.Pointer(&m)), syscall.MSG_NOSIGNAL); errno != 0 {
		return errno
	}
	return nil
}

// receive reads one byte, and the descriptor that came with it; -1: none did.
func receive(conn int) (said byte, fd int, err error) {
	var r rights
	var vector syscall.Iovec
	m := message(&said, &vector, &r)
	n, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, uintptr(conn), uintptr(unsafe.Pointer(&m)), syscall.MSG_CMSG_CLOEXEC)
	switch {
	case errno != 0:
		return 0, -1, errno
	case n == 0:
		return 0, -1, io.EOF
	case uintptr(m.Controllen) < rightsSize || r.header.Level != syscall.SOL_SOCKET || r.header.Type != syscall.SCM_RIGHTS:
		return said, -1, nil
	}
	return said, int(r.fd), nil
}
