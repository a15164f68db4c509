/**
 * What the build, the lab and the tests need beside Node and npm: Debian package, what it is for, and the files that show it
 * is there. Groups follow use: `build` for the addon, `lab` for `npm run demo` on a machine without systemd, `test` for the rest
 * of the tests, `bench` for what the benchmarks compare with.
 *
 * @type {readonly {group: 'build' | 'lab' | 'test' | 'bench', name: string, why: string, proof: readonly string[]}[]}
 */
export const packages = [
  { group: 'build', name: 'g++', why: 'compiles the addon (C++20)', proof: ['/usr/bin/g++'] },
  { group: 'build', name: 'libc6-dev', why: 'C library headers for the addon', proof: ['/usr/include/stdio.h'] },
  { group: 'build', name: 'make', why: 'node-gyp drives the build with it', proof: ['/usr/bin/make'] },
  { group: 'build', name: 'python3', why: 'node-gyp is written in it', proof: ['/usr/bin/python3'] },

  {
    group: 'lab',
    name: 'systemd',
    why: 'the systemd the lab boots',
    proof: ['/lib/systemd/systemd', '/usr/bin/journalctl'],
  },
  {
    group: 'lab',
    name: 'dbus',
    why: "the lab's system bus",
    proof: ['/usr/bin/dbus-daemon', '/lib/systemd/system/dbus.socket'],
  },
  {
    group: 'lab',
    name: 'util-linux',
    why: 'unshare, nsenter, setpriv',
    proof: ['/usr/bin/unshare', '/usr/bin/setpriv'],
  },

  {
    group: 'test',
    name: 'libsystemd-dev',
    why: 'sd-bus, for the stand-in for systemd that floods a bus',
    proof: ['/usr/include/systemd/sd-bus.h'],
  },
  {
    group: 'test',
    name: 'dbus-broker',
    why: 'the second D-Bus server the agent must work with',
    proof: ['/usr/bin/dbus-broker-launch'],
  },
  { group: 'test', name: 'clang-14', why: 'compiles the fuzz targets', proof: ['/usr/bin/clang++-14'] },
  {
    group: 'test',
    name: 'libclang-rt-14-dev',
    why: 'libFuzzer, and the sanitizers of clang',
    proof: ['/usr/lib/llvm-14/lib/clang/14.0.6/lib/linux'],
  },
  {
    group: 'test',
    name: 'libdbus-1-dev',
    why: "the reference implementation's parser, which ours is compared with",
    proof: ['/usr/include/dbus-1.0/dbus/dbus.h'],
  },
  { group: 'test', name: 'pkgconf', why: 'tells where libdbus is', proof: ['/usr/bin/pkg-config'] },
  {
    group: 'test',
    name: 'prometheus',
    why: 'a real scrape, a real server of remote write, and promtool',
    proof: ['/usr/bin/prometheus', '/usr/bin/promtool'],
  },
  { group: 'test', name: 'strace', why: 'disks that fail or are slow', proof: ['/usr/bin/strace'] },
  { group: 'test', name: 'iproute2', why: 'networks that swallow packets', proof: ['/usr/sbin/ip'] },
  {
    group: 'test',
    name: 'nats-server',
    why: 'a real JetStream between agents and a gateway',
    proof: ['/usr/sbin/nats-server'],
  },
  { group: 'test', name: 'openssl', why: 'certificates for the TLS tests', proof: ['/usr/bin/openssl'] },
  {
    group: 'test',
    name: 'qemu-system-x86',
    why: 'the VM lab: real memory, io and OOM numbers',
    proof: ['/usr/bin/qemu-system-x86_64'],
  },
  {
    group: 'test',
    name: 'qemu-system-common',
    why: "virtiofsd: shows the VM the machine's files",
    proof: ['/usr/lib/qemu/virtiofsd'],
  },
  { group: 'test', name: 'busybox-static', why: "the VM's first process", proof: ['/bin/busybox'] },
  { group: 'test', name: 'cpio', why: "packs the VM's initial ramdisk", proof: ['/bin/cpio'] },
  { group: 'test', name: 'e2fsprogs', why: "makes the VM's disk", proof: ['/sbin/mkfs.ext4'] },

  {
    group: 'bench',
    name: 'dbus-broker',
    why: 'the second D-Bus server signals are measured on',
    proof: ['/usr/bin/dbus-broker-launch'],
  },
  { group: 'bench', name: 'libsystemd-dev', why: 'sd-bus, a baseline', proof: ['/usr/include/systemd/sd-bus.h'] },
  { group: 'bench', name: 'libdbus-1-dev', why: 'libdbus, a baseline', proof: ['/usr/include/dbus-1.0/dbus/dbus.h'] },
  { group: 'bench', name: 'golang-go', why: 'compiles the godbus baseline', proof: ['/usr/bin/go'] },
  {
    group: 'bench',
    name: 'golang-dbus-dev',
    why: 'godbus, a baseline',
    proof: ['/usr/share/gocode/src/github.com/godbus/dbus'],
  },
  {
    group: 'bench',
    name: 'prometheus-node-exporter',
    why: 'its systemd collector, a baseline',
    proof: ['/usr/bin/prometheus-node-exporter'],
  },
]
