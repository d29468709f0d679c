//! Least squares with coefficients that are not negative, for a handful of unknowns.

/// One observation: what each unknown contributes once, and what came of it.
pub(crate) struct Observation<const N: usize> {
    pub(crate) features: [f64; N],
    pub(crate) value: f64,
}

/// The coefficients whose relative errors are least in squares. Every choice of unknowns that are zero is tried, which is exact.
pub(crate) fn fit<const N: usize>(observations: &[Observation<N>]) -> [f64; N] {
    let chosen = |set: u32, index: usize| set & (1 << index) != 0;
    let mut best = (f64::INFINITY, [0.0; N]);
    for set in 1..1_u32 << N {
        let mut matrix = [[0.0; N]; N];
        let mut right = [0.0; N];
        for Observation { features, value } in observations {
            for row in 0..N {
                for column in 0..N {
                    matrix[row][column] += features[row] * features[column] / (value * value);
                }
                right[row] += features[row] / value;
            }
        }
        for index in (0..N).filter(|index| !chosen(set, *index)) {
            matrix[index] = [0.0; N];
            matrix.iter_mut().for_each(|row| row[index] = 0.0);
            matrix[index][index] = 1.0;
            right[index] = 0.0;
        }
        let Some(solution) = solve(matrix, right) else { continue };
        let error: f64 = observations.iter().map(|observation| (predict(&solution, observation) - 1.0).powi(2)).sum();
        if solution.iter().all(|coefficient| *coefficient >= 0.0) && error < best.0 {
            best = (error, solution);
        }
    }
    best.1
}

/// What the coefficients say, in relation to what was seen.
pub(crate) fn predict<const N: usize>(coefficients: &[f64; N], observation: &Observation<N>) -> f64 {
    coefficients.iter().zip(&observation.features).map(|(a, b)| a * b).sum::<f64>() / observation.value
}

/// Gauss's elimination; `None` if the unknowns cannot be told apart.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for pivot in 0..N {
        let largest = (pivot..N).max_by(|a, b| matrix[*a][pivot].abs().total_cmp(&matrix[*b][pivot].abs()))?;
        matrix.swap(pivot, largest);
        right.swap(pivot, largest);
        if matrix[pivot][pivot].abs() < 1e-12 {
            return None;
        }
        for row in (0..N).filter(|row| *row != pivot) {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let line = matrix[pivot];
            matrix[row].iter_mut().zip(line).for_each(|(cell, above)| *cell -= factor * above);
            right[row] -= factor * right[pivot];
        }
    }
    Some(std::array::from_fn(|index| right[index] / matrix[index][index]))
}
