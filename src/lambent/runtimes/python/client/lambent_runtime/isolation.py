"""What turns a forked process into a locked-down one, step by step.

`enter_namespaces` is carried out by the init of an execution environment (pid 1 of its namespaces, root on
the host, never running tenant code); `lock_down` by the process that will become the runtime, before
it sees anything of a tenant. Every step either succeeds or raises: a half-locked process never goes on.
"""

import os
import resource

from lambent_runtime import linux, netns

CAP_SETGID, CAP_SETUID, CAP_KILL, CAP_SYS_ADMIN = 6, 7, 5, 21
CAP_DAC_OVERRIDE = 1

_NAMESPACES = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWNET


def enter_namespaces(config, tmp_mount):
    """Give this process, pid 1 already, its own mounts, network, host name and IPC; /tmp from tmp_mount."""
    linux.prctl(linux.PR_SET_PDEATHSIG, 9)
    linux.unshare(_NAMESPACES)
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("proc", "/proc", "proc", flags)
    linux.move_mount(tmp_mount, "/tmp")
    netns.apply(config["network"])
    _set_host_name(config["host_name"])


def _set_host_name(name):
    with open("/proc/sys/kernel/hostname", "w", encoding="ascii") as file:
        file.write(name)


def keep_what_init_needs():
    """Drop all capabilities of pid 1 but those for mounts, identity maps and signals."""
    linux.drop_capabilities(
        (CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN)
    )


def write_identity_map(pid, config):
    """Map the tenant's one user and group inside to this environment's own ones on the host."""
    for name, inside, outside in (
        ("uid_map", config["uid_inside"], config["uid"]),
        ("gid_map", config["gid_inside"], config["gid"]),
    ):
        with open("/proc/%d/%s" % (pid, name), "w", encoding="ascii") as file:
            file.write("%d %d 1" % (inside, outside))


def lock_down(config, cgroup_files, await_identity):
    """Join the cgroups and give up every right; afterwards this process may run a tenant's code.

    await_identity() must return once `write_identity_map` has been done for this process.
    """
    for fd in cgroup_files:
        os.write(fd, b"0")
        os.close(fd)
    for name, soft, hard in config["limits"]:
        kind = getattr(resource, "RLIMIT_" + name, None)
        if kind is not None:
            resource.setrlimit(kind, _affordable(kind, soft, hard))
    linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWCGROUP)
    await_identity()
    os.setgroups([])
    os.setresgid(*(config["gid_inside"],) * 3)
    os.setresuid(*(config["uid_inside"],) * 3)
    linux.drop_capabilities()
    # The change of identity made /proc/self unreadable to this process itself.
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    os.umask(0o022)
    linux.load_seccomp_filter(config["seccomp"])


def _affordable(kind, soft, hard):
    """A limit above what this process may set is lowered to that: without CAP_SYS_RESOURCE none can rise."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling == resource.RLIM_INFINITY:
        return soft, hard
    if hard == resource.RLIM_INFINITY or hard > ceiling:
        hard = ceiling
    if soft == resource.RLIM_INFINITY or soft > hard:
        soft = hard
    return soft, hard
