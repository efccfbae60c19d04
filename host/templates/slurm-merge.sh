#!/bin/bash
# Written by `host submit slurm`, behind the tasks of submission {{ number }}: {{ told }}.
#SBATCH --job-name={{ name }}-merge
#SBATCH --output={{ log }}
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --nodes=1
#SBATCH --ntasks=1
{%- for option in options %}
#SBATCH {{ option }}
{%- endfor %}
{%- for line in setup %}
{{ line }}
{%- endfor %}

exec {{ command }}
