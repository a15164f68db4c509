// godbus ADDRESS: the same as consume_sd_bus, with godbus: each signal comes as a decoded message through a channel.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/godbus/dbus"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "godbus:", err)
		os.Exit(1)
	}
}

func cpuUs() int64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return used.Utime.Nano()/1000 + used.Stime.Nano()/1000
}

func monotonicUs() int64 {
	var now syscall.Timespec
	const clockMonotonic = 1
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	if errno != 0 {
		check(errno)
	}
	return now.Nano() / 1000
}

type state struct {
	active, sub, result        string
	mainPid, restarts, execPid uint32
	execCode, execStatus       int32
}

func read(properties map[string]dbus.Variant) (s state) {
	s.active, _ = properties["ActiveState"].Value().(string)
	s.sub, _ = properties["SubState"].Value().(string)
	s.result, _ = properties["Result"].Value().(string)
	s.mainPid, _ = properties["MainPID"].Value().(uint32)
	s.restarts, _ = properties["NRestarts"].Value().(uint32)
	s.execPid, _ = properties["ExecMainPID"].Value().(uint32)
	s.execCode, _ = properties["ExecMainCode"].Value().(int32)
	s.execStatus, _ = properties["ExecMainStatus"].Value().(int32)
	return s
}

var last state

func run(address string) {
	bus, err := dbus.Dial(address)
	check(err)
	check(bus.Auth([]dbus.Auth{dbus.AuthExternal(fmt.Sprint(os.Geteuid()))}))
	check(bus.Hello())
	// Roomy enough for all of a run: a full channel would have godbus start a goroutine for each signal, and mix their order.
	signals := make(chan *dbus.Signal, 1<<17)
	bus.Signal(signals)
	rules := []string{
		"type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'",
		"type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',path='/org/freedesktop/systemd1'",
	}
	for _, rule := range rules {
		check(bus.BusObject().Call("org.freedesktop.DBus.AddMatch", 0, rule).Err)
	}
	fmt.Println("ready")
	count, cpu := 0, int64(0)
	for signal := range signals {
		switch {
		case strings.HasSuffix(signal.Name, ".PropertiesChanged"):
			last = read(signal.Body[1].(map[string]dbus.Variant))
			count++
		case signal.Name == "org.freedesktop.systemd1.Manager.UnitNew" && signal.Body[0] == "bench-begin.service":
			count, cpu = 0, cpuUs()
			fmt.Println("begun")
		case signal.Name == "org.freedesktop.systemd1.Manager.UnitNew" && signal.Body[0] == "bench-end.service":
			fmt.Printf("{\"signals\":%d,\"cpuUs\":%d,\"endUs\":%d}\n", count, cpuUs()-cpu, monotonicUs())
			bus.Close()
			return
		}
	}
}

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		run(os.Args[1])
	}
}
