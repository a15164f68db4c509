# Sourced with U=<root>/etc/systemd/system, a new empty folder: hides every unit that would touch what the lab does not
# own (devices, clock, sysctls, logins) or only costs boot time, and writes the target the lab boots into.
# Runs in bash and in busybox sh (the VM's init). A name that this systemd does not have is masked without harm.

for u in tmpfiles-setup tmpfiles-setup-dev tmpfiles-clean udevd udev-trigger udev-settle sysctl sysusers modules-load \
  binfmt random-seed hwdb-update firstboot machine-id-commit update-done update-utmp update-utmp-runlevel timesyncd \
  networkd resolved logind journal-catalog-update journal-flush remount-fs pstore boot-system-token \
  ask-password-console ask-password-wall repart growfs-root user-sessions network-generator pcrphase pcrphase-sysinit \
  vconsole-setup; do
  ln -s /dev/null "$U/systemd-$u.service"
done

for u in kmod-static-nodes.service ldconfig.service getty-static.service console-getty.service rc-local.service \
  quotaon.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.mount \
  proc-sys-fs-binfmt_misc.automount systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-initctl.socket \
  systemd-journald-audit.socket systemd-ask-password-console.path systemd-ask-password-wall.path \
  systemd-tmpfiles-clean.timer getty.target remote-fs.target swap.target cryptsetup.target veritysetup.target \
  integritysetup.target; do
  ln -s /dev/null "$U/$u"
done

# The bus runs from the start, as on a real host. AllowIsolate= lets systemd take it as the boot target.
printf '[Unit]\nRequires=basic.target dbus.socket\nWants=dbus.service\nAfter=basic.target dbus.service\nAllowIsolate=yes\n' > "$U/lab.target"
