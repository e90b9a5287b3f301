package charge

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// MemorySize is how many bytes pause keeps for the one in charge. Those never written to
// take no memory.
const MemorySize = 1 << 20

// seals keep the memory's size as it is: who reads beyond the end of what was made smaller
// dies of it.
const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL

// remembered maps the memory that pause has, or makes one and has pause keep it. What is
// not as we make it is of no use, and replaced.
func remembered(conn *net.UnixConn, fd int) (memory []byte, err error) {
	if fd >= 0 {
		memory, err := mapped(fd, unix.PROT_READ|unix.PROT_WRITE)
		unix.Close(fd)
		if err == nil {
			return memory, nil
		}
	}
	fd, err = create()
	if err != nil {
		return nil, fmt.Errorf("cannot make the memory that pause keeps: %w", err)
	}
	defer unix.Close(fd)
	memory, err = mapped(fd, unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		return nil, fmt.Errorf("cannot map the memory that pause keeps: %w", err)
	}
	if _, _, err := conn.WriteMsgUnix([]byte{sayKeep}, unix.UnixRights(fd), nil); err != nil {
		unix.Munmap(memory)
		return nil, fmt.Errorf("cannot have pause keep memory: %w", err)
	}
	return memory, nil
}

// create makes a memory.
func create() (fd int, err error) {
	fd, err = unix.MemfdCreate("podlike", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, err
	}
	err = unix.Ftruncate(fd, MemorySize)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// mapped maps a memory that create has made, here or in another process.
func mapped(fd, protection int) ([]byte, error) {
	has, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, err
	}
	var seen unix.Stat_t
	if err := unix.Fstat(fd, &seen); err != nil {
		return nil, err
	}
	if has&seals != seals || seen.Size != MemorySize {
		return nil, fmt.Errorf("it has %d bytes and the seals %#x, not %d and %#x", seen.Size, has, MemorySize, seals)
	}
	return unix.Mmap(fd, 0, MemorySize, protection, unix.MAP_SHARED)
}
