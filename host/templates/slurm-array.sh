#!/bin/bash
# Written by `host submit slurm`: tasks {{ first }} to {{ last }} of submission {{ number }}, {{ told }}.
#SBATCH --job-name={{ name }}
#SBATCH --array={{ first }}-{{ last }}{% if let Some(most) = at_most %}%{{ most }}{% endif %}
#SBATCH --output={{ log }}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{{ notice }}
#SBATCH --nodes=1
#SBATCH --ntasks=1
{%- for option in options %}
#SBATCH {{ option }}
{%- endfor %}
{%- for line in setup %}
{{ line }}
{%- endfor %}

# The time limit's notice (USR1) and a preemption (TERM) reach this shell alone: it passes them on. The host saves what it has and ends
# with code 75.
child=
trap 'kill -USR1 $child 2>/dev/null' USR1
trap 'kill -TERM $child 2>/dev/null' TERM
{{ command }} --task "$SLURM_ARRAY_TASK_ID" &
child=$!
wait "$child"
code=$?
while ((code > 128)) && kill -0 "$child" 2>/dev/null; do
    wait "$child"
    code=$?
done
if ((code > 128)); then
    wait "$child"
    again=$?
    ((again == 127)) || code=$again
fi
# A job that was cancelled is no longer running and stays so; any other goes back into the queue, and on from where it was. By its place in
# the array: the number of an array's last job is the whole array's too.
job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
if ((code == 75)) && [ "$(squeue --noheader --jobs="$job" --format=%T)" = RUNNING ]; then
    scontrol requeue "$job" && sleep 60
fi
exit "$code"
