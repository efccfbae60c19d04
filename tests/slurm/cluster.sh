#!/usr/bin/env bash
# cluster.sh start DIR | stop DIR | kill-node DIR NODE | start-node DIR NODE
#
# A Slurm of its own on this machine, with two virtual nodes n1 and n2 of two CPUs: everything lies in DIR, on ports of its own, with a
# munge of its own. Commands reach it with SLURM_CONF=DIR/slurm.conf. Needs root and Debian's slurm-wlm and munge.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
command=$1
dir=$2

write_configuration() {
    local port
    port=$(shuf -i 20000-29000 -n 1)
    cat >"$dir/slurm.conf" <<END
ClusterName=lookbook
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
ReturnToService=2
SlurmdTimeout=8
KillWait=5
MinJobAge=600
EnforcePartLimits=ALL
MaxArraySize=16
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/%n.log
SlurmdParameters=config_overrides
MailProg=/bin/true
NodeName=n[1-2] NodeHostname=$(hostname -s) NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=2 RealMemory=16000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE
PartitionName=short Nodes=ALL MaxTime=1
END
}

end() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 0
    kill "${2:--TERM}" "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

start_node() {
    SLURM_CONF=$dir/slurm.conf slurmd -N "$1"
}

# The jobs' processes on a node.
processes_of() {
    local environment entries
    for environment in /proc/[0-9]*/environ; do
        entries=$(tr '\0' '\n' 2>/dev/null <"$environment") 2>/dev/null || continue
        grep --quiet --line-regexp "SLURMD_NODENAME=$1" <<<"$entries" &&
            grep --quiet --line-regexp "SLURM_CONF=$dir/slurm.conf" <<<"$entries" &&
            basename "$(dirname "$environment")"
    done 2>/dev/null
    true
}

case $command in
start)
    mkdir -p "$dir/state" "$dir/n1" "$dir/n2"
    chmod 755 "$dir"
    head -c 1024 /dev/urandom >"$dir/munge.key"
    chmod 600 "$dir/munge.key"
    # A test's folder is below one that everybody may write to, which munge would rather not have.
    munged --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" --pid-file="$dir/munged.pid" \
        --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" 2>>"$dir/munged.out"
    write_configuration
    export SLURM_CONF=$dir/slurm.conf
    slurmctld
    start_node n1
    start_node n2
    for _ in $(seq 150); do
        [ "$(sinfo --noheader --Node --format=%T --partition=main 2>/dev/null | grep --count idle)" = 2 ] && exit 0
        sleep 0.2
    done
    echo "the nodes did not come up" >&2
    sinfo >&2 || true
    tail -n 20 "$dir"/*.log >&2
    exit 1
    ;;
kill-node)
    # As if its power went: the daemon, its helpers, and then all that they started, before anybody can report anything.
    kill -KILL "$(cat "$dir/$3.pid")" 2>/dev/null || true
    mapfile -t processes < <(processes_of "$3")
    for process in "${processes[@]}"; do
        helper=$(awk '/^PPid:/ { print $2 }' "/proc/$process/status" 2>/dev/null) || continue
        case $(cat "/proc/$helper/comm" 2>/dev/null) in slurmstepd*) kill -KILL "$helper" 2>/dev/null || true ;; esac
    done
    kill -KILL "${processes[@]}" 2>/dev/null || true
    ;;
start-node) start_node "$3" ;;
stop)
    export SLURM_CONF=$dir/slurm.conf
    scancel --user=root 2>/dev/null || true
    end "$dir/n1.pid"
    end "$dir/n2.pid"
    end "$dir/slurmctld.pid"
    end "$dir/munged.pid"
    ;;
*)
    echo "cluster.sh start|stop DIR, kill-node|start-node DIR NODE" >&2
    exit 2
    ;;
esac
